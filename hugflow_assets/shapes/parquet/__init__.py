"""Parquet, from the disk or from memory while it arrives."""
