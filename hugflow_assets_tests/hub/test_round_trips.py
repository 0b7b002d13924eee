"""What is asked of a far Hub: together where nothing waits for an answer, once where one answer is enough."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.protocol import Request
from hugflow_assets.demo.serving import Connection
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.hub.prefetch import at_once, in_order, meanwhile
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.models import LandingPlan, Version
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.shapes.parquet.footers import read_tail
from hugflow_assets_tests.datasets_made import card, tar_bytes, zip_bytes
from hugflow_assets_tests.hub.test_plan import plain_parquet

REPO = "org/set"
SAMPLES = tar_bytes({f"{number:03}.{kind}": b"x" * 20_000 for number in range(64) for kind in ("wav", "txt")})
TABLES_OF_CLIPS = {  # of which two are looked at to see that they are such tables, and one for the request alone
    "br/train.tsv": b"path\tsentence\na.mp3\tx\n",
    "ms/train.tsv": b"path\tsentence\tage\nb.mp3\ty\t7\n",
    "ms/test.tsv": b"path\tsentence\tage\nc.mp3\tz\t8\n",
    "br/clips.tar": tar_bytes({"a.mp3": b"x"}),
    "ms/clips.tar": tar_bytes({"b.mp3": b"x", "c.mp3": b"x"}),
}
PATIENCE_S = 10


@dataclass
class MeetingHub(LocalHub):
    """Answers requests that are to be asked together when all of them have been asked, and notes who came alone."""

    meetings: dict[str, threading.Barrier] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    before: Callable[[Request], None] | None = None

    def together(self, pattern: str, count: int) -> None:
        """The next ``count`` requests with this in their path and query are asked together."""
        self.meetings[pattern] = threading.Barrier(count)

    def respond(self, request: Request, connection: Connection) -> None:
        place = f"{request.origin} {request.method} {request.path}?{request.query}"
        for pattern, meeting in self.meetings.items():
            if re.search(pattern, place):
                try:
                    meeting.wait(PATIENCE_S)
                except threading.BrokenBarrierError:
                    self.missed.append(place)
        if self.before is not None:
            self.before(request)
        super().respond(request, connection)


@pytest.fixture
def far() -> Iterator[MeetingHub]:
    with MeetingHub(tokens={"hf_reader": "reader"}) as hub:
        yield hub


def plan(hub: LocalHub, commit: str | None = None, **asked: Any) -> LandingPlan:
    request = DatasetRequest(**{"hf_id": REPO, "description": "a test", **asked})
    pinned = Version(commit=commit) if commit else None
    return resolve(Hub(HubAccess(hub.url, token="hf_reader", retries=1, backoff_s=0.01)), request, pinned=pinned)


def test_the_card_is_asked_for_with_the_commit_and_the_files_with_the_gate(far: MeetingHub) -> None:
    far.add_repo(REPO, {"README.md": card("cc0-1.0"), "a.csv": b"text\nhello\n"}, gated="auto")
    far.grant(REPO, "reader")
    far.together(r"/revision/main|/resolve/main/README\.md", 2)
    far.together(r"/tree/|/auth-check", 2)
    assert plan(far).state.license == "cc0-1.0"
    assert far.missed == []


def test_the_files_of_a_known_commit_are_asked_for_at_once(far: MeetingHub) -> None:
    commit = far.add_repo(REPO, {"README.md": card("cc0-1.0"), "a.csv": b"text\nhello\n"})
    far.together(r"/revision/|/tree/|/resolve/[0-9a-f]+/README\.md", 3)
    assert plan(far, commit).state.license == "cc0-1.0"
    assert far.missed == []


def test_a_card_of_another_commit_is_not_believed(far: MeetingHub) -> None:
    far.add_repo(REPO, {"README.md": card("cc0-1.0"), "a.csv": b"text\nhello\n"})
    pushed, lock = [""], threading.Lock()
    answered = threading.Event()

    def push(request: Request) -> None:
        """A push between the answer about the card and that about the commit."""
        if "/resolve-cache/" in request.path:
            answered.set()
        if "/revision/main" in request.path and answered.wait(PATIENCE_S):
            with lock:
                pushed[0] = pushed[0] or far.commit(REPO, {"README.md": card("mit")})

    far.before = push
    found = plan(far)
    assert (found.commit, found.state.license) == (pushed[0], "mit")


def test_nobody_else_is_asked_for_a_plan(far: MeetingHub) -> None:
    far.add_repo(REPO, {"README.md": card("cc0-1.0"), "a.csv": b"text\nhello\n"})
    plan(far)
    asked = [request.path.replace(f"/datasets/{REPO}", "") for request in far.requests]
    assert sorted(re.sub("[0-9a-f]{40}", "COMMIT", path) for path in asked) == [
        "/api/resolve-cache/COMMIT/README.md",
        "/api/revision/main",
        "/api/tree/COMMIT",
        "/resolve/main/README.md",
    ]


@pytest.mark.parametrize(
    ("files", "asked", "pattern", "count"),
    [
        ({f"data/train-{n}.parquet": plain_parquet(n + 1) for n in range(3)}, {}, r"/resolve/.*\.parquet", 3),
        (TABLES_OF_CLIPS, {"subset": "ms", "split": "train"}, r"/resolve/.*\.tsv", 3),
        ({"train.tar": SAMPLES}, {}, r"/resolve/.*\.tar", 2),
        (
            {f"{n}.tar": tar_bytes({"a.wav": b"x", "t.tsv": b"file\ta"}) for n in range(3)},
            {},
            r"/resolve/.*[12]\.tar",
            2,
        ),
        ({f"{n}.zip": zip_bytes({f"{n}.csv": b"text\nhello\n"}) for n in range(3)}, {}, r"/resolve/.*\.zip", 3),
    ],
    ids=["footers", "tables of clips", "both ends of a tar", "tars with tables", "zip archives"],
)
def test_files_are_looked_into_together_and_once(
    far: MeetingHub, files: dict[str, bytes], asked: dict[str, str], pattern: str, count: int
) -> None:
    far.add_repo(REPO, files)
    far.together(pattern, count)
    plan(far, **asked)
    looked = [(request.path, request.range) for request in far.requests if re.search(pattern, request.path)]
    assert far.missed == []
    assert len(looked) == len(set(looked)) == count


def test_what_a_plan_was_told_is_not_asked_again_but_by_another_token(far: MeetingHub) -> None:
    commit = far.add_repo(REPO, {"a.parquet": plain_parquet(3), "b.txt": b"b"})
    (file,) = plan(far).configs[0].splits[0].shards[0].files
    ours, theirs = HubAccess(far.url, token="hf_reader"), HubAccess(far.url)
    told: list[Any] = []
    for access, requests in ((ours, 0), (theirs, 3)):
        far.requests.clear()
        told.append(
            (
                read_tail(access, REPO, commit, file),
                Hub(access).file_info(REPO, commit, ["a.parquet", "c.txt"]),
            )
        )
        assert len(far.requests) == requests
    assert told[0][1] == told[1][1] == {"a.parquet": file}
    assert told[1][0].endswith(told[0][0]) and told[0][0][-4:] == b"PAR1"


def test_several_repositories_are_asked_for_together_and_told_in_order(far: MeetingHub) -> None:
    names = [f"org/set{number}" for number in range(5)]
    for name in names:
        far.add_repo(name, {"a.csv": b"text\nhello\n"})
    far.together(r"/set[0-3]/revision/main", 4)
    assert [found.state.repo_id for found in in_order(lambda name: plan(far, hf_id=name), names)] == names
    assert far.missed == []


def test_what_is_done_meanwhile_is_done_when_the_block_ends() -> None:
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert left.wait(PATIENCE_S)
        done.set()

    left = threading.Event()
    with pytest.raises(ValueError, match="inside"), meanwhile(work):
        assert begun.wait(PATIENCE_S)
        left.set()
        raise ValueError("inside")
    assert done.is_set()


def test_a_failure_is_told_without_waiting_for_the_other_answers() -> None:
    left, answered = threading.Event(), []

    def ask(number: int) -> None:
        if number == 0:
            raise ValueError("inside")
        left.wait(PATIENCE_S)
        answered.append(number)

    with pytest.raises(ValueError, match="inside"):
        at_once(ask, range(3))
    assert answered == []
    left.set()
