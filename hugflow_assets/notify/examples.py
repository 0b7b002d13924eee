"""One example of every message, to look at before the first real one is sent."""

from __future__ import annotations

from typing import Any

from hugflow_assets.errors import UnknownDatasetError
from hugflow_assets.notify.request_messages import RequestMessage, message_of, message_of_progress
from hugflow_assets.store import Event, EventKind, Phase, Progress

NAME = "org__name__rev_main"
PROGRESS = "progress"
_TIME = "2030-01-01T00:00:00.000Z"
_LANDED: dict[str, Any] = {
    "rows": 12_345,
    "hours": 1.5,
    "size_bytes": 3_000_000,
    "files": 12_350,
    "folder": f"/srv/datasets/{NAME}",
    "commit": "a" * 40,
    "seconds": 75.0,
    "bytes_fetched": 2_000_000,
}

EXAMPLES: dict[EventKind, dict[str, Any]] = {
    EventKind.REQUESTED: {"path": "add/x.yaml", "owner": "ada"},
    EventKind.REJECTED: {
        "request": "add/x.yaml",
        "verdicts": [{"name": "within_quota", "code": "quota-exceeded", "message": "Too big.", "remedy": "Free some."}],
    },
    EventKind.STARTED: {"commit": "a" * 40, "bytes_total": 2_000_000, "action": "land"},
    EventKind.LANDED: _LANDED,
    EventKind.CHECKED: {
        **_LANDED,
        "checks": {
            "passed": 17,
            "failed": [],
            "warnings": ["licence_allowed: The dataset's card names no licence."],
            "not_judged": [],
        },
    },
    EventKind.FAILED: {"code": "hub-unreachable", "message": "No answer.", "remedy": "Wait.", "transient": True},
    EventKind.REMOVED: {
        "reason": "consent withdrawn",
        "size_bytes": 3_000_000,
        "frees_at": "2030-01-08T00:00:00Z",
        "by": "ben",
        "rows": 3,
    },
    EventKind.RESTORED: {"commit": "a" * 40},
    EventKind.DRIFTED: {"what": "moved", "landed_commit": "a" * 40, "commit": "b" * 40},
    EventKind.SCRUBBED: {"checked": 10, "damaged": ["audio/a.wav"], "missing": []},
    EventKind.QUOTA: {"taken_bytes": 9_000, "need_bytes": 1_000, "soft_limit_bytes": 8_000, "quota_bytes": 10_000},
    EventKind.PAUSED: {"by": "ben", "stopped_a_landing": True},
    EventKind.RESUMED: {"by": "ben", "stopped_a_landing": False},
    EventKind.CANCELLED: {"by": "ben", "stopped_a_landing": False},
    EventKind.FREED: {"size_bytes": 3_000_000, "why": "removed", "by": "ben"},
    EventKind.WITHDRAWN: {
        "rows": 3,
        "rows_left": 12_342,
        "column": "speaker",
        "values": 1,
        "reason": "asked to",
        "by": "ben",
    },
    EventKind.MERGED: {"pull_request": 7, "title": "Ask for org/name", "author": "ada", "head": "a" * 40},
    EventKind.EXPIRING: {"keep_until": "2030-02-01", "stage": "soon", "owner": "ada", "size_bytes": 3_000_000},
}


def kinds() -> list[str]:
    """What there is an example of."""
    return [*(kind.value for kind in EXAMPLES), PROGRESS]


def example(kind: str) -> RequestMessage:
    """The example of a kind of event, or of ``progress``.

    Raises:
        UnknownDatasetError: there is no such kind; the message names those that exist.
    """
    if kind == PROGRESS:
        return message_of_progress(
            Progress(
                name=NAME, phase=Phase.DOWNLOADING, started_at=_TIME, updated_at=_TIME, bytes_done=250,
                bytes_total=1000, shards_done=1, shards_total=4, bytes_per_s=50.0, eta_s=5400,
            )
        )  # fmt: skip
    if kind not in kinds():
        raise UnknownDatasetError(f"There is no message {kind!r}.", remedy=f"Choose one of {', '.join(kinds())}.")
    return message_of(Event(seq=1, time=_TIME, kind=EventKind(kind), name=NAME, data=EXAMPLES[EventKind(kind)]))
