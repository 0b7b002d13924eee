"""``progress/<name>.json``: how far each landing is. Rebuilt by itself, so written without sync."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.store.layout import Layout, is_safe
from hugflow_assets.store.models import Progress


class ProgressFiles:
    """One small file a dataset, replaced as a whole."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def write(self, progress: Progress) -> None:
        path = self._layout.progress_file(progress.name)
        with disk_errors(path):
            try:
                self._put(path, progress)
            except FileNotFoundError:
                self._layout.prepare()
                self._put(path, progress)

    def _put(self, path: Path, progress: Progress) -> None:
        atomic_write(path, progress.model_dump_json(indent=1).encode(), mode=0o664, sync=False)

    def read(self, name: str) -> Progress | None:
        """The last progress of ``name``; None when there is none, or it is unreadable."""
        try:
            return Progress.model_validate_json(self._layout.progress_file(name).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def all(self) -> dict[str, Progress]:
        """Every progress by storage name."""
        names = sorted(path.stem for path in self._layout.progress.glob("*.json") if is_safe(path.stem))
        found = {name: self.read(name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def clear(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._layout.progress_file(name).unlink()
