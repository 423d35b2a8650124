"""Tests of curate.sources."""
