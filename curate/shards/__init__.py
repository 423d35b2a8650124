"""Write what a trainer reads: shuffle, split, pack, and check what lies on disk."""
