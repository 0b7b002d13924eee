"""How landings are made: what the settings say about it, and what a landing gives back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hugflow_assets.formats.checksums import Kind
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.models import Action
from hugflow_assets.settings import DownloadMode, Settings
from hugflow_assets.store.models import Form, Manifest

_CONNECTIONS = 8
VIEWS = ("nemo", "lhotse", "datasets")


@dataclass(frozen=True)
class LandingOptions:
    """What can be set about landing.

    Attributes:
        checksums: kind of the per-file checksum list.
        views: made beside the record, of ``nemo``, ``lhotse``, ``datasets``.
        form: of a request that names none: media as files, or packed into tars.
        pack_size: about how large these tars are, in bytes.
        download_mode: parquet from memory or over the disk, see ``windows``.
        executor, workers: how shards run in parallel; 0 workers is one a core.
        progress_interval_s: how often progress is written and told.
        max_concurrent_downloads: datasets in flight over all runs on the storage.
        slot_wait_s: longest wait for one of those places.
        verify_existing: hash every file before a no-op says so, instead of looking at names and sizes.
        accept: given the tree that is about to be published; raises where it must not be.
    """

    checksums: Kind = "xxh128"
    views: tuple[str, ...] = VIEWS
    form: Form = "files"
    pack_size: int = 10**9
    download_mode: DownloadMode = "auto"
    executor: Literal["threads", "processes"] = "threads"
    workers: int = 0
    progress_interval_s: float = 5
    max_concurrent_downloads: int = 4
    slot_wait_s: float = 86400
    verify_existing: bool = False
    accept: Callable[[Path], None] | None = None

    @classmethod
    def of(cls, settings: Settings) -> LandingOptions:
        """The options that the settings describe."""
        return cls(
            checksums=settings.checksums,
            views=tuple(view for view in VIEWS if view in settings.landing_views),
            form=settings.landing_form,
            pack_size=int(settings.pack_size),
            download_mode=settings.download_mode,
            executor=settings.landing_executor,
            workers=settings.landing_workers or 0,
            progress_interval_s=settings.progress_interval.total_seconds(),
            max_concurrent_downloads=settings.max_concurrent_downloads,
        )

    def form_of(self, request: DatasetRequest) -> Form:
        """The form that a request lands in."""
        return request.form or self.form

    @property
    def connections(self) -> int:
        """Shards that are fetched at once, at most."""
        return max(_CONNECTIONS, self.parallel)

    @property
    def parallel(self) -> int:
        """Shards that are landed at once."""
        return self.workers or len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class LandedDataset:
    """A dataset as it lies on the storage after ``land``, and what was done for it."""

    manifest: Manifest
    path: Path
    action: Action
    seconds: float
    bytes_fetched: int
