"""Metrics in Prometheus' text format: as a page of a small server, and as a file."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.registry import Collector

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.disk_errors import disk_errors


def exposed(collector: Collector) -> bytes:
    """The metrics of this moment as text."""
    return generate_latest(_registry(collector))


def serve(collector: Collector, host: str, port: int) -> tuple[WSGIServer, Thread]:
    """Answer ``/metrics`` until the server is shut down; it runs in a thread of its own.

    Raises:
        OSError: the address cannot be listened at.
    """
    return start_http_server(port, addr=host, registry=_registry(collector))


def write_textfile(collector: Collector, path: Path) -> None:
    """Replace the file atomically, readable for everyone, as node_exporter's collector wants it.

    Raises:
        StorageError: it cannot be written.
    """
    text = exposed(collector)
    with disk_errors(path):
        atomic_write(path, text, mode=0o644, sync=False)


def _registry(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry
