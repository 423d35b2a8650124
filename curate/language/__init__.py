"""Tell which language a document is in."""
