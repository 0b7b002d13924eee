"""Every operation on a storage, killed, stopped or refused by the disk at acts of which it is made: a sample.

``make fuzz`` interrupts them all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hugflow_assets_tests.e2e.acts import KINDS
from hugflow_assets_tests.e2e.interruptions import Bench, bench_at, sample
from hugflow_assets_tests.e2e.operations import OPERATIONS

AT_ONCE = 2  # acts of each operation and kind


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_at(tmp_path_factory.mktemp("bench")) as bench:
        yield bench


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_interrupted_at_any_act_is_done_once_and_told_once(bench: Bench, operation: str) -> None:
    wrong = [
        one
        for kind in KINDS
        for at in sample(bench.before(operation).acts, AT_ONCE, f"{operation} {kind}")
        for one in bench.interrupted(operation, at, kind)
    ]
    assert wrong == []
