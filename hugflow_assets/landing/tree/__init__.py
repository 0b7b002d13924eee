"""The folder of a dataset: assembled from its shards."""
