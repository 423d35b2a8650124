"""Turn input files into records: WARC, WET, JSONL, Parquet and HTML."""
