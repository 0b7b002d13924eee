"""The record: one JSON line a row, as the source says it."""
