"""What the warehouse computes. One module, one family, one Parquet dataset."""
