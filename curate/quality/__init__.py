"""Measure the quality of documents, one module per published rule set."""
