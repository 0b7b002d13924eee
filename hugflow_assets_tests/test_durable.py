"""Atomic files, mended logs, and one holder at a time: over threads, processes, hosts and crashes."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.durable import (
    Claim,
    EarlySync,
    Flock,
    acquire,
    append_line,
    atomic_write,
    flock_on,
    holder,
    locked,
    read_tail_lines,
)
from hugflow_assets.durable.claim import try_claim
from hugflow_assets.errors import LeaseHeldError, LeaseLostError
from hugflow_assets_tests.polling import poll
from hugflow_assets_tests.processes import FORKED


def start(code: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, text=True)


HOLD = """
import sys, time
from pathlib import Path
from hugflow_assets.durable import acquire
lease = acquire(Path(sys.argv[1]), what="x", purpose="holding", ttl_s=float(sys.argv[2]), host=sys.argv[3] or None)
print(lease.token, flush=True)
time.sleep(60)
"""


@pytest.fixture
def held_by_another_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A process that holds the lease of ``tmp_path/l``; given its ttl and host id, returns it once it holds."""
    started: list[subprocess.Popen[str]] = []

    def begin(ttl_s: float, host: str = "") -> subprocess.Popen[str]:
        process = start(HOLD, tmp_path / "l", ttl_s, host)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline().strip().isdigit()
        return process

    yield begin
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


# ---- files


def test_an_atomic_write_replaces_the_whole_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic_write(path, b"old" * 100)
    atomic_write(path, b"new", mode=0o440)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o440
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_an_atomic_write_that_fails_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/child").touch()
    with pytest.raises(OSError):
        atomic_write(tmp_path / "a", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_an_atomic_write_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    code = """
import sys; from pathlib import Path; from hugflow_assets.durable import atomic_write
print("go", flush=True)
while True:
    for letter in b"abc":
        atomic_write(Path(sys.argv[1]) / "f", bytes([letter]) * 300_000, sync=False)
"""
    for round_ in range(6):
        process = start(code, tmp_path)
        assert process.stdout is not None
        process.stdout.readline()
        poll((tmp_path / "f").exists, within_s=10, every_s=0.01)
        time.sleep(0.003 * round_)
        process.kill()
        process.wait()
        content = (tmp_path / "f").read_bytes()
        assert len(content) == 300_000 and len(set(content)) == 1


def test_a_torn_tail_becomes_no_line_and_nothing_is_cut_off(tmp_path: Path) -> None:
    """Even where all of the line but its newline was written: nobody was told that it is there."""
    path = tmp_path / "log"
    append_line(path, b"1")
    with path.open("ab") as log:
        log.write(b"2")
    append_line(path, b"3")
    assert path.read_bytes() == b"1\n2\0\n3\n"


def test_the_tail_lines_are_the_last_whole_ones_however_long(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert read_tail_lines(path) == []
    path.write_bytes(b"torn")
    assert read_tail_lines(path) == []
    path.unlink()
    long = b"x" * 200_000
    append_line(path, b"one")
    append_line(path, long)
    with path.open("ab") as log:
        log.write(b"torn")
    assert read_tail_lines(path)[-1] == long
    append_line(path, b"two")
    assert read_tail_lines(path)[-1] == b"two"


def test_a_line_with_a_newline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        append_line(tmp_path / "log", b"a\nb")


# ---- leases


def test_a_lease_is_held_by_one_and_its_token_grows_over_releases(tmp_path: Path) -> None:
    with acquire(tmp_path / "l", what="x", purpose="landing") as first:
        first.check()
        with pytest.raises(LeaseHeldError, match=r"landing") as refused:
            acquire(tmp_path / "l", what="x")
        assert refused.value.details["pid"] == os.getpid()
        seen = holder(tmp_path / "l")
        assert seen is not None and seen.purpose == "landing" and seen.token == first.token
    assert holder(tmp_path / "l") is None
    with pytest.raises(LeaseLostError):
        first.check()
    with acquire(tmp_path / "l", what="x") as second:
        assert second.token > first.token
    assert len(list((tmp_path / "l").iterdir())) == 1


def test_a_process_killed_on_this_host_is_replaced_at_once(
    tmp_path: Path, held_by_another_process: Callable[..., subprocess.Popen[str]]
) -> None:
    process = held_by_another_process(3600)
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path / "l", what="x", ttl_s=3600)
    process.kill()
    process.wait()
    with acquire(tmp_path / "l", what="x", ttl_s=3600) as lease:
        assert lease.token == 2


def test_a_process_killed_on_another_host_is_replaced_when_its_heartbeat_is_old(
    tmp_path: Path, held_by_another_process: Callable[..., subprocess.Popen[str]]
) -> None:
    process = held_by_another_process(1.0, "another/host")
    process.kill()
    process.wait()
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path / "l", what="x", ttl_s=1.0)
    with acquire(tmp_path / "l", what="x", ttl_s=1.0, wait_s=10) as lease:
        assert lease.token == 2


def test_a_living_holder_on_another_host_is_not_replaced_while_it_beats(
    tmp_path: Path, held_by_another_process: Callable[..., subprocess.Popen[str]]
) -> None:
    held_by_another_process(0.5, "another/host")
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path / "l", what="x", ttl_s=0.5, wait_s=2)


def test_a_process_id_says_nothing(tmp_path: Path) -> None:
    """A holder elsewhere whose process id lives here is dead when it is silent, and alive when it is not."""
    found = try_claim(tmp_path / "l", ttl_s=60, host="another/host")
    assert isinstance(found, Claim)
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path / "l", what="x", ttl_s=60)
    os.utime(tmp_path / "l/000000000001", (time.time() - 61, time.time() - 61))
    with acquire(tmp_path / "l", what="x", ttl_s=60):
        assert not found.held()
    found.release()


def test_a_stopped_holder_that_was_replaced_finds_its_lease_lost(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from hugflow_assets.durable import acquire
from hugflow_assets.errors import LeaseLostError
lease = acquire(Path(sys.argv[1]), what="x", ttl_s=0.4, host="another/host")
print("held", flush=True)
sys.stdin.readline()
try:
    lease.check(); print("kept", flush=True)
except LeaseLostError:
    print("lost", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "l")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGSTOP)
    with acquire(tmp_path / "l", what="x", ttl_s=0.4, wait_s=10) as lease:
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "lost\n"
        process.wait()
        lease.check()  # what the loser released was its own


def test_a_heartbeat_from_before_the_clock_was_set_back_blocks_nobody_for_years(tmp_path: Path) -> None:
    found = try_claim(tmp_path / "l", ttl_s=60, host="another/host")
    assert isinstance(found, Claim)
    ahead = time.time() + 10**7
    os.utime(tmp_path / "l/000000000001", (ahead, ahead))
    acquire(tmp_path / "l", what="x", ttl_s=60).release()
    found.release()


def test_a_number_used_and_removed_before_is_not_won_again(tmp_path: Path) -> None:
    """A contender whose view is old creates a number below the highest: it must step back."""
    folder = tmp_path / "l"
    for _ in range(3):
        acquire(folder, what="x").release()
    stale = folder / "000000000001"  # as if created by a contender that died right after
    stale.touch()
    with acquire(folder, what="x") as lease:
        assert lease.token == 4
        assert not stale.exists()


def test_a_forked_child_lets_go_of_nothing(tmp_path: Path) -> None:
    with acquire(tmp_path / "l", what="x") as lease:
        child = os.fork()
        if child == 0:
            lease.release()
            os._exit(0)
        os.waitpid(child, 0)
        lease.check()
        with pytest.raises(LeaseHeldError):
            acquire(tmp_path / "l", what="x")


# ---- locks


def _count(folder: Path, rounds: int, host: str | None) -> None:
    counter = folder / "counter"
    for _ in range(rounds):
        with locked(folder / "lock", host=host):
            counter.write_text(str(int(counter.read_text()) + 1))


@pytest.mark.parametrize("hosts", [(None,) * 4, ("a/1", "b/2", "c/3", None)], ids=["one host", "four hosts"])
def test_no_increment_is_lost_under_a_lock(tmp_path: Path, hosts: tuple[str | None, ...]) -> None:
    (tmp_path / "counter").write_text("0")
    processes = [FORKED.Process(target=_count, args=(tmp_path, 50, host)) for host in hosts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert (tmp_path / "counter").read_text() == "200"


def _take_over(folder: Path, host: str, barrier: Any, won: Any) -> None:
    for number in range(30):
        barrier.wait()
        found = try_claim(folder / str(number), ttl_s=5, host=host)
        if isinstance(found, Claim):
            won.put((number, host))
            barrier.wait()
            found.release()
        else:
            barrier.wait()


def test_of_contenders_for_a_silent_holder_exactly_one_wins(tmp_path: Path) -> None:
    for number in range(30):
        dead = try_claim(tmp_path / str(number), ttl_s=5, host="dead/host")
        assert isinstance(dead, Claim)
        dead._handle, handle = -1, dead._handle  # as after SIGKILL: no more heartbeats, no release
        os.close(handle)
        os.utime(tmp_path / str(number) / "000000000001", (1000, 1000))
    barrier, won = FORKED.Barrier(3), FORKED.Queue()
    processes = [FORKED.Process(target=_take_over, args=(tmp_path, f"h{n}/x", barrier, won)) for n in range(3)]
    for process in processes:
        process.start()
    wins = sorted(won.get(timeout=30)[0] for _ in range(30))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert wins == list(range(30)) and won.empty()


def test_what_comes_below_a_folder_is_written_while_an_early_sync_runs(tmp_path: Path) -> None:
    with EarlySync(tmp_path) as early:
        (tmp_path / "clip.wav").write_bytes(bytes(1 << 20))
        poll(lambda: dirty_bytes(tmp_path / "clip.wav") == 0, within_s=10, every_s=0.01)
        early.check()
    assert not [thread for thread in threading.enumerate() if thread.name == "early-sync"]


def dirty_bytes(path: Path) -> int:
    """What of a file has no place on the disk yet; a file system that writes at once has none."""
    return max(0, path.stat().st_size - path.stat().st_blocks * 512)


def test_an_early_sync_that_fails_says_so_once_and_hides_no_other_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")  # opening it without following is an error that no waiting mends
    with pytest.raises(OSError, match="loop"), EarlySync(tmp_path) as early:
        poll(lambda: failed(early), within_s=10, every_s=0.01)
    with pytest.raises(ValueError, match="first"), EarlySync(tmp_path) as early:
        poll(lambda: failed(early), within_s=10, every_s=0.01)
        raise ValueError("first")


def failed(early: EarlySync) -> bool:
    try:
        early.check()
    except OSError:
        return True
    return False


# ---- where flock tells nothing


def granted_to_all(*_: object) -> None:
    """``flock`` of a file system that says yes to everybody: some FUSE, NFS mounted without locks."""


def test_where_flock_is_granted_to_everybody_a_live_lease_is_held_by_its_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", granted_to_all)
    assert flock_on(tmp_path) is Flock.GRANTED_TO_ALL
    first = acquire(tmp_path / "l", what="x", purpose="landing")
    with pytest.raises(LeaseHeldError):
        acquire(tmp_path / "l", what="x")
    assert holder(tmp_path / "l") is not None
    first.check()
    os.utime(tmp_path / "l" / f"{first.token:012d}", (1000, 1000))  # silent for longer than its lease
    with acquire(tmp_path / "l", what="x") as second:
        assert second.token > first.token
        with pytest.raises(LeaseLostError):
            first.check()


def test_where_there_is_no_flock_heartbeats_decide_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    assert flock_on(tmp_path) is Flock.REFUSED
    with acquire(tmp_path / "l", what="x"), pytest.raises(LeaseHeldError):
        acquire(tmp_path / "l", what="x")


def test_where_flock_excludes_it_tells_a_dead_holder_at_once(tmp_path: Path) -> None:
    assert flock_on(tmp_path) is Flock.EXCLUDES
    assert [*tmp_path.iterdir()] == []
