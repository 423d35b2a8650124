"""Turn kept text into token ids: train or take a tokenizer, then encode."""
