"""Drop duplicate documents: sketches, candidate pairs, verification, survivors."""
