"""One log, many readers."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from hugflow_assets.errors import UnknownDatasetError
from hugflow_assets.store import EventKind, EventLog, Store
from hugflow_assets_tests.processes import FORKED


def _append(root: Path, state: Path, process: int, count: int, host: str | None) -> None:
    store = Store(root, state, host=host)
    for number in range(count):
        store.events.append(EventKind.STARTED, f"p{process}", number=number)


@pytest.mark.parametrize("hosts", [1, 8])
def test_appends_of_eight_processes_lose_and_repeat_no_sequence_number(store: Store, hosts: int) -> None:
    store.index.names()
    ids = [f"host{number % hosts}/x" for number in range(8)]
    processes = [
        FORKED.Process(target=_append, args=(store.root, store.state_dir, number, 40, ids[number]))
        for number in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    events = list(store.events.read())
    assert [one.seq for one in events] == list(range(1, 321))
    for number in range(8):
        assert [one.data["number"] for one in events if one.name == f"p{number}"] == list(range(40))


def test_a_writer_killed_inside_its_write_costs_no_number_and_no_event(store: Store) -> None:
    store.events.append(EventKind.STARTED, "a")
    (segment,) = store.layout.events.glob("*.jsonl")
    with segment.open("ab") as log:
        log.write(b'{"schema_version":1,"seq":2,"time":"2026')
    assert [one.seq for one in store.events.read()] == [1]
    assert store.events.last_seq() == 1
    assert store.events.append(EventKind.LANDED, "a").seq == 2
    assert [one.kind for one in store.events.read()] == [EventKind.STARTED, EventKind.LANDED]


def late_line(store: Store, segment: Path, seq: int) -> None:
    """What a writer puts down that was stopped after it took its number, until another had taken the lock."""
    event = {
        "schema_version": 1,
        "id": "late",
        "seq": seq,
        "time": "2026-01-01T00:00:00Z",
        "kind": "landed",
        "name": "a",
    }
    with segment.open("ab") as log:
        log.write(orjson.dumps(event) + b"\n")


def test_a_number_that_is_taken_is_void_wherever_the_late_line_lies(store: Store) -> None:
    log = EventLog(store.layout, segment_bytes=300)
    for number in range(4):
        log.append(EventKind.REQUESTED, "a", number=number, filler="x" * 50)
    first, second = sorted(store.layout.events.glob("*.jsonl"))[:2]
    late_line(store, first, int(second.stem))  # the next segment begins with that number
    late_line(store, sorted(store.layout.events.glob("*.jsonl"))[-1], 2)
    assert [one.data.get("number") for one in log.read()] == [0, 1, 2, 3]
    assert log.last_seq() == 4
    assert log.append(EventKind.LANDED, "a").seq == 5
    assert [one.seq for one in log.read()] == [1, 2, 3, 4, 5]


def test_a_writer_that_was_overtaken_appends_its_event_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped just before its line reaches the file, for longer than the lock is waited for; another appends."""
    other, write = Store(store.root, store.state_dir, host="south/2"), os.write
    pending = [EventKind.STARTED]

    def slow(handle: int, data: bytes) -> int:
        if b'"landed"' in bytes(data) and pending:
            for lock in store.layout.lock("events").iterdir():
                os.utime(lock, (1, 1))
            other.events.append(pending.pop(), "b")
        return write(handle, data)

    monkeypatch.setattr(os, "write", slow)
    told = store.events.append(EventKind.LANDED, "a")
    assert [(one.seq, one.kind) for one in store.events.read()] == [(1, EventKind.STARTED), (2, EventKind.LANDED)]
    assert told.seq == 2


def test_a_planned_event_is_told_once_by_whoever_finds_it_done(store: Store) -> None:
    planned = store.events.plan(EventKind.LANDED, "a", rows=5)
    first = store.events.append_planned(planned)
    store.events.append(EventKind.STARTED, "b")
    assert Store(store.root, store.state_dir, host="south/2").events.append_planned(planned) == first
    assert [one.kind for one in store.events.read()] == [EventKind.LANDED, EventKind.STARTED]


def test_a_reader_goes_on_from_its_cursor(store: Store) -> None:
    for number in range(5):
        store.events.append(EventKind.REQUESTED, "a", number=number)
    assert store.events.cursor("slack") == 0
    store.events.set_cursor("slack", 3)
    assert [one.seq for one in store.events.read(store.events.cursor("slack"))] == [4, 5]
    assert [one.seq for one in store.events.read(1, limit=2)] == [2, 3]
    assert store.events.readers() == {"slack": 3}
    store.events.disable("slack")
    assert store.events.readers() == {}


def test_a_reader_s_name_is_no_path(store: Store) -> None:
    with pytest.raises(UnknownDatasetError):
        store.events.set_cursor("../x", 1)


def test_rotation_keeps_every_segment_that_an_enabled_reader_has_not_passed(store: Store) -> None:
    log = EventLog(store.layout, segment_bytes=200, keep_segments=2)
    log.set_cursor("slow", 5)
    for _ in range(40):
        log.append(EventKind.REQUESTED, "a", filler="x" * 50)
    assert [one.seq for one in log.read(5)] == list(range(6, 41))
    log.set_cursor("slow", 40)
    log.append(EventKind.REQUESTED, "a", filler="x" * 200)
    log.append(EventKind.REQUESTED, "a")
    seqs = [one.seq for one in log.read()]
    assert seqs[-1] == 42 == log.last_seq() and seqs[0] > 30
    assert len(list(store.layout.events.glob("*.jsonl"))) <= 3


def test_without_readers_the_newest_segments_are_kept(store: Store) -> None:
    log = EventLog(store.layout, segment_bytes=1, keep_segments=3)
    for _ in range(10):
        log.append(EventKind.REQUESTED, "a")
    assert [one.seq for one in log.read()] == [8, 9, 10]


def test_a_rotten_line_stops_no_reader_and_no_writer(store: Store) -> None:
    for _ in range(3):
        store.events.append(EventKind.REQUESTED, "a")
    (segment,) = store.layout.events.glob("*.jsonl")
    lines = segment.read_bytes().splitlines()
    segment.write_bytes(b"\n".join([lines[0], b"rotten", b"rotten"]) + b"\n")
    assert [one.seq for one in store.events.read()] == [1]
    assert store.events.append(EventKind.LANDED, "a").seq == 4


def test_an_event_keeps_its_time_and_data(store: Store) -> None:
    told = store.events.append(EventKind.FAILED, "storage", code="disk-full", message="line\nbreak", size=2**53)
    assert list(store.events.read()) == [told]
    assert told.time.endswith("Z")
