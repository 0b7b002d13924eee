"""Verified bytes from the Hub: to the disk or to memory, over one connection or several."""

from hugflow_assets.transfer.to_disk import FetchReceipt, fetch

__all__ = ["FetchReceipt", "fetch"]
