"""An embedded local Hub and a small speech dataset: everything can be tried, and is tested, without the internet."""

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.protocol import Request

__all__ = ["LocalHub", "Request"]
