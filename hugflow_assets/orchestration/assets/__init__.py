"""The assets, their checks, partitions and IO manager."""
