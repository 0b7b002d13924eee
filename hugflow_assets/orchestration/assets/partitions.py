"""Partition keys: one a dataset (its storage name), and one a removal request.

Dagster refuses a dynamic key that its instance has not seen, with a traceback, which on a fresh clone is every key.
Here a key that a request defines is valid before any sensor has registered it; the asset registers it after it has
looked the request up. A key that no request defines stays invalid: where Dagster checks keys it refuses it, and where
it does not (runs launched by GraphQL) the asset does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from datetime import datetime
from typing import Any

from dagster import DagsterInstance, DynamicPartitionsDefinition, PartitionKeyRange
from sqlalchemy.exc import IntegrityError

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.orchestration.assets.platform import Platform

DATASETS_NAME = "datasets"
REMOVALS_NAME = "removals"

_TRIES = 5


class RequestPartitions(DynamicPartitionsDefinition):
    """Dynamic partitions whose valid keys are those registered and those that a request in the source defines."""

    def __new__(cls, name: str, defined: Callable[[], Set[str]]) -> RequestPartitions:
        partitions: RequestPartitions = super().__new__(cls, name=name)
        partitions._defined = defined
        return partitions

    def has_partition_key(
        self, partition_key: str, current_time: datetime | None = None, dynamic_partitions_store: Any = None
    ) -> bool:
        registered = super().has_partition_key(
            partition_key, current_time=current_time, dynamic_partitions_store=dynamic_partitions_store
        )
        return registered or partition_key in self._defined()

    def get_partition_keys_in_range(self, partition_key_range: PartitionKeyRange) -> Sequence[str]:
        # A run for one key asks for the range from it to it, before the asset is asked. An unknown key must come as far
        # as the asset, which fails by name; here it would end in a traceback.
        if partition_key_range.start == partition_key_range.end:
            return [partition_key_range.start]
        return super().get_partition_keys_in_range(partition_key_range)

    def filter_valid_partition_keys(self, partition_keys: set[str]) -> Set[str]:
        registered = super().filter_valid_partition_keys(partition_keys)
        return registered if len(registered) == len(partition_keys) else registered | self._defined() & partition_keys

    _defined: Callable[[], Set[str]]


def register(instance: DagsterInstance, partitions: str, keys: Iterable[str]) -> None:
    """Make keys known to the instance, while other processes may do the same.

    Dagster looks which keys are there and then inserts the rest: of two that do so at once, one meets the other's row.
    """
    wanted = list(keys)
    for left in reversed(range(_TRIES)):
        try:
            instance.add_dynamic_partitions(partitions, wanted)
        except IntegrityError:
            if not left:
                raise
        else:
            return


def _readable(keys: Callable[[RequestSnapshot], Set[str]]) -> Callable[[], Set[str]]:
    """Keys of the current snapshot; none when settings or source cannot be read, which the asset then says."""

    def defined() -> Set[str]:
        try:
            return keys(Platform().snapshot())
        except HugflowError:
            return frozenset()

    return defined


DATASETS = RequestPartitions(DATASETS_NAME, _readable(lambda asked: {one.name for one in asked.adds}))
REMOVALS = RequestPartitions(REMOVALS_NAME, _readable(lambda asked: {one.key for one in asked.removals}))
