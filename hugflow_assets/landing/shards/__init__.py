"""Shards: landed alone, in parallel, resumed, used again."""
