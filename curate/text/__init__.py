"""Read text as arrays: code points, words, lines, tokens and their hashes."""
