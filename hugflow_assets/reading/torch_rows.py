"""A landed dataset for a torch DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterableDataset, get_worker_info

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset


class TorchRows(IterableDataset[dict[str, Any]]):
    """Rows as plain dicts. Each worker of a DataLoader reads its share; ``state_dict`` says how many it has given out.

    With a stateful DataLoader (torchdata) each worker resumes at its own row; without workers the state is this
    object's.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._given = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        rows = self.dataset if worker is None else self.dataset.shard(worker.id, worker.num_workers)
        for at in range(self._given, len(rows)):
            self._given = at + 1
            yield rows[at]
        self._given = 0

    def state_dict(self) -> dict[str, int]:
        """How far this reader is: rows given out of the current pass."""
        return {"given": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on behind the rows that were given out when the state was taken."""
        self._given = int(state["given"])
