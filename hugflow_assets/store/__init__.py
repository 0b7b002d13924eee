"""The storage root: layout, staging, publishing, quota, leases, trash and the audit log."""

from hugflow_assets.durable import Holder, Lease
from hugflow_assets.store.capacity.reservation import Reservation
from hugflow_assets.store.capacity.space import Cleaned, DatasetUsage, Headroom, StorageProbe, Usage
from hugflow_assets.store.events import EventLog, now_text
from hugflow_assets.store.layout import Layout, is_safe, safe_name
from hugflow_assets.store.marks import (
    Expiry,
    Held,
    Hold,
    Marks,
    Scrub,
    Trouble,
    Upstream,
    Withdrawal,
    WithdrawnValues,
    request_digest,
)
from hugflow_assets.store.models import (
    LAYOUT_VERSION,
    LEFT_OUT,
    WITHDRAWN,
    ConfigRecord,
    Counts,
    Event,
    EventKind,
    Fingerprint,
    IndexRow,
    Landed,
    Manifest,
    Phase,
    PlannedEvent,
    Progress,
    RepoRecord,
    Selection,
    ShardReceipt,
    ShardRecord,
    SourceRecord,
    SplitRecord,
    Volatile,
    Withdrawn,
)
from hugflow_assets.store.progress import ProgressFiles
from hugflow_assets.store.publishing.publish import SUMS_FILES
from hugflow_assets.store.publishing.staging import Staging
from hugflow_assets.store.publishing.trees import TreeSizes
from hugflow_assets.store.readers import Readers, ReadersPolicy
from hugflow_assets.store.removal.entries import Tombstone, TrashEntry
from hugflow_assets.store.store import Store, landed_event

__all__ = [
    "LAYOUT_VERSION",
    "LEFT_OUT",
    "SUMS_FILES",
    "WITHDRAWN",
    "Cleaned",
    "ConfigRecord",
    "Counts",
    "DatasetUsage",
    "Event",
    "EventKind",
    "EventLog",
    "Expiry",
    "Fingerprint",
    "Headroom",
    "Held",
    "Hold",
    "Holder",
    "IndexRow",
    "Landed",
    "Layout",
    "Lease",
    "Manifest",
    "Marks",
    "Phase",
    "PlannedEvent",
    "Progress",
    "ProgressFiles",
    "Readers",
    "ReadersPolicy",
    "RepoRecord",
    "Reservation",
    "Scrub",
    "Selection",
    "ShardReceipt",
    "ShardRecord",
    "SourceRecord",
    "SplitRecord",
    "Staging",
    "StorageProbe",
    "Store",
    "Tombstone",
    "TrashEntry",
    "TreeSizes",
    "Trouble",
    "Upstream",
    "Usage",
    "Volatile",
    "Withdrawal",
    "Withdrawn",
    "WithdrawnValues",
    "is_safe",
    "landed_event",
    "now_text",
    "request_digest",
    "safe_name",
]
