"""What Prometheus is told of a storage: over HTTP, or as a file that node_exporter reads."""

from hugflow_assets.metrics.collector import StorageCollector
from hugflow_assets.metrics.exposition import exposed, serve, write_textfile

__all__ = ["StorageCollector", "exposed", "serve", "write_textfile"]
