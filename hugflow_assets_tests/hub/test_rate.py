"""Runs that share a token share what they know of its rate limit."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from hugflow_assets.demo.protocol import Answer, Request
from hugflow_assets.errors import HFRateLimitedError
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.hub.rate_limit import RateBudget
from hugflow_assets.transfer.to_disk import fetch
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.hub.conftest import Access


class _CountingHub(FaultyHub):
    """Says in every answer of its own how many requests of that kind are left."""

    left = 3
    window_s = 100

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if request.origin == "cdn":
            return answer
        kind = "resolvers" if "/resolve/" in request.path else "api"
        self.left -= 1
        return replace(answer, headers={**answer.headers, "RateLimit": f'"{kind}";r={self.left};t={self.window_s}'})


def test_a_used_up_budget_stops_the_next_run_before_it_asks(tmp_path: Path) -> None:
    with _CountingHub() as hub:
        hub.add_repo("org/set", {"a.txt": b"x"})
        access = HubAccess(hub.url, rate_dir=tmp_path, retry_max_wait_s=60)
        for _ in range(3):
            Hub(access).state("org/set")
        asked = len(hub.requests)
        with pytest.raises(HFRateLimitedError, match="allows requests again in"):
            Hub(access).state("org/set")
        assert len(hub.requests) == asked
        Hub(replace(access, token="hf_other", rate_dir=tmp_path / "other")).ping()


def test_kinds_and_tokens_have_budgets_of_their_own(tmp_path: Path) -> None:
    access = HubAccess("http://hub", rate_dir=tmp_path)
    budget, other = RateBudget.of(access), RateBudget.of(replace(access, token="hf_secret"))
    budget.learn("http://hub/api/datasets/x", {"ratelimit": '"api";r=0;t=50'})
    assert 49 < budget.take("http://hub/api/datasets/y") <= 50
    assert budget.take("http://hub/datasets/x/resolve/main/a") == 0
    assert budget.take("http://cdn/whatever") == 0
    assert other.take("http://hub/api/datasets/y") == 0
    assert "hf_secret" not in f"{list(tmp_path.iterdir())}{other}"


def test_requests_under_way_are_counted_before_the_server_does(tmp_path: Path) -> None:
    budget = RateBudget.of(HubAccess("http://hub", rate_dir=tmp_path))
    url = "http://hub/api/datasets/x"
    budget.learn(url, {"ratelimit": '"api";r=2;t=50'})
    assert [budget.take(url) == 0 for _ in range(3)] == [True, True, False]
    budget.learn(url, {"ratelimit": '"api";r=2;t=50'})
    assert budget.take(url) > 0


def test_a_new_window_begins_anew(tmp_path: Path) -> None:
    budget = RateBudget.of(HubAccess("http://hub", rate_dir=tmp_path))
    url = "http://hub/api/datasets/x"
    budget.learn(url, {"ratelimit": '"api";r=0;t=50'})
    budget.learn(url, {"ratelimit": '"api";r=500;t=300'})
    assert budget.take(url) == 0


@pytest.mark.parametrize("torn", [b"", b'{"api": [1', b"[]", b'{"api": 3}', b"\xff"])
def test_a_torn_file_counts_as_nothing_known(tmp_path: Path, torn: bytes) -> None:
    budget = RateBudget.of(HubAccess("http://hub", rate_dir=tmp_path))
    assert budget.path is not None
    budget.path.write_bytes(torn)
    assert budget.take("http://hub/api/x") == 0


def test_a_folder_that_cannot_be_used_stops_nobody(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    hub.add_repo("org/set", {"a.txt": b"x"})
    hub.fault("/api/", 429, headers={"Retry-After": "0"})
    assert Hub(access(rate_dir=tmp_path / "file" / "rate")).state("org/set").repo_id == "org/set"


def test_a_short_block_is_waited_for_by_the_other_run(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    commit = hub.add_repo("org/set", {"a.txt": b"x"})
    mine = access(rate_dir=tmp_path)
    file = Hub(mine).file_info("org/set", commit, ["a.txt"])["a.txt"]
    began = time.monotonic()
    RateBudget.of(mine).learn(f"{hub.url}/datasets/org/set/resolve/x/a.txt", {}, blocked_s=0.2)
    fetch(mine, "org/set", commit, file, tmp_path / "a.txt")
    assert time.monotonic() - began >= 0.2
