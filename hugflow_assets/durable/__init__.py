"""What everything on disk rests on: atomic files, mended appends, locks and leases over processes and hosts."""

from hugflow_assets.durable.claim import Claim, Holder, host_id, make_folder
from hugflow_assets.durable.files import (
    EarlySync,
    append_line,
    atomic_write,
    read_tail_lines,
    sync_folder,
    sync_tree,
    write_all,
)
from hugflow_assets.durable.host_lock import Flock, flock_on
from hugflow_assets.durable.lease import Lease, acquire, holder, locked

__all__ = [
    "Claim",
    "EarlySync",
    "Flock",
    "Holder",
    "Lease",
    "acquire",
    "append_line",
    "atomic_write",
    "flock_on",
    "holder",
    "host_id",
    "locked",
    "make_folder",
    "read_tail_lines",
    "sync_folder",
    "sync_tree",
    "write_all",
]
