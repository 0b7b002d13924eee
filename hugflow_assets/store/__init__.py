"""The storage root: layout, staging, publishing, quota, leases, trash and the audit log."""

from hugflow_assets.durable import Holder, Lease
from hugflow_assets.store.events import EventLog, now_text
from hugflow_assets.store.faults import disk_error, disk_errors
from hugflow_assets.store.layout import Layout, is_safe, safe_name
from hugflow_assets.store.models import (
    LAYOUT_VERSION,
    Cleaned,
    ConfigRecord,
    Counts,
    DatasetUsage,
    Event,
    EventKind,
    Fingerprint,
    Headroom,
    IndexRow,
    Manifest,
    Phase,
    Progress,
    RepoRecord,
    ShardReceipt,
    ShardRecord,
    SourceRecord,
    SplitRecord,
    StorageProbe,
    Tombstone,
    TrashEntry,
    Usage,
    Volatile,
)
from hugflow_assets.store.progress import ProgressFiles
from hugflow_assets.store.publishing import SUMS_FILES
from hugflow_assets.store.reservation import Reservation
from hugflow_assets.store.sizes import human_size
from hugflow_assets.store.staging import Staging
from hugflow_assets.store.store import Store

__all__ = [
    "LAYOUT_VERSION",
    "SUMS_FILES",
    "Cleaned",
    "ConfigRecord",
    "Counts",
    "DatasetUsage",
    "Event",
    "EventKind",
    "EventLog",
    "Fingerprint",
    "Headroom",
    "Holder",
    "IndexRow",
    "Layout",
    "Lease",
    "Manifest",
    "Phase",
    "Progress",
    "ProgressFiles",
    "RepoRecord",
    "Reservation",
    "ShardReceipt",
    "ShardRecord",
    "SourceRecord",
    "SplitRecord",
    "Staging",
    "StorageProbe",
    "Store",
    "Tombstone",
    "TrashEntry",
    "Usage",
    "Volatile",
    "disk_error",
    "disk_errors",
    "human_size",
    "is_safe",
    "now_text",
    "safe_name",
]
