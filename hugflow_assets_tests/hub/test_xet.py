"""Files in Xet storage: fetched by its own client, and by plain HTTP from where the bytes stopped when that fails."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hugflow_assets.demo.protocol import CDN, HUB, XET
from hugflow_assets.demo.xet_folder import XetFolder
from hugflow_assets.errors import HFError, LandingCancelledError
from hugflow_assets.hub import Hub, HubAccess, SourceFile
from hugflow_assets.transfer.to_disk import fetch
from hugflow_assets.transfer.xet_client import client_library
from hugflow_assets.transfer.xet_storage import is_installed
from hugflow_assets_tests.faulty_hub import FaultyHub

SIZE = 4_000_000
NOISE = random.Random(1)
DATA = NOISE.randbytes(SIZE // 2) + b"words, words, words " * (SIZE // 40)  # stored as it is, and compressed
PATH = "data/train-00000-of-00001.parquet"
TOKEN = "xet-read-token"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> XetFolder:
    return XetFolder(tmp_path_factory.mktemp("xet"))


@pytest.fixture
def hub(storage: XetFolder) -> Iterator[FaultyHub]:
    with FaultyHub(xet=storage, tokens={"hf_reader": "reader", "hf_stranger": "stranger"}) as hub:
        hub.add_repo("org/first", {"x.bin": DATA[: SIZE // 4]})  # a piece of its own, which the others have in common
        hub.add_repo("org/set", {PATH: DATA, "data/second.parquet": DATA[:-1]})
        yield hub


@pytest.fixture
def access(hub: FaultyHub) -> HubAccess:
    return HubAccess(hub.url, connect_timeout_s=1, read_timeout_s=5, retries=3, backoff_s=0.01, xet="on")


def source(access: HubAccess, path: str = PATH) -> SourceFile:
    return Hub(access).file_info("org/set", "main", [path])[path]


def body_bytes(hub: FaultyHub, origin: str) -> int:
    return sum(request.bytes_sent for request in hub.requests if request.origin == origin)


def test_the_client_library_itself_downloads_from_the_local_storage(
    hub: FaultyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tests below go by is the real protocol, as far as the real client speaks it."""
    from huggingface_hub import hf_hub_download

    monkeypatch.setenv("HF_XET_LOG_DEST", os.devnull)
    got = hf_hub_download("org/set", PATH, repo_type="dataset", endpoint=hub.url, cache_dir=tmp_path, token=False)
    assert Path(got).read_bytes() == DATA
    assert body_bytes(hub, CDN) == 0
    assert {request.path.split("/")[1] for request in hub.requests if request.origin == XET} >= {"v2", "xorbs"}


def test_a_file_comes_by_xet_with_one_token_for_all_files_and_no_other_request(
    hub: FaultyHub, access: HubAccess, tmp_path: Path
) -> None:
    files = [source(access), source(access, "data/second.parquet")]
    hub.requests.clear()
    told: list[int] = []
    receipts = [fetch(access, "org/set", "main", one, tmp_path / one.path, on_bytes=told.append) for one in files]
    assert [(tmp_path / one.path).read_bytes() for one in files] == [DATA, DATA[:-1]]
    assert [(one.bytes_fetched, one.attempts) for one in receipts] == [(SIZE, 1), (SIZE - 1, 1)]
    assert sum(told) == 2 * SIZE - 1
    assert [request.path.split("/")[5] for request in hub.requests if request.origin == HUB] == [TOKEN]
    assert body_bytes(hub, CDN) == 0 and body_bytes(hub, XET) < 1.1 * SIZE  # text is compressed
    assert all(request.user_token != "hf_reader" for request in hub.requests if request.origin == XET)


def test_it_goes_on_inside_a_file(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA[:1_500_001])
    receipt = fetch(access, "org/set", "main", source(access), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (1_500_001, SIZE - 1_500_001)
    assert body_bytes(hub, CDN) == 0
    assert body_bytes(hub, XET) < SIZE // 2 - 1_300_000  # from the chunk that the place is in


GIVEN = {
    "X-Xet-Access-Token": "secret",
    "X-Xet-Cas-Url": "http://127.0.0.1:9",
    "X-Xet-Token-Expiration": "99999999999",
}


def _at_a_closed_port(hub: FaultyHub) -> None:
    assert hub.protocol.xet is not None
    hub.protocol.xet.url = "http://127.0.0.1:9"


def _of(path: str, kind: Any, **options: Any) -> Callable[[FaultyHub], object]:
    origin = HUB if path == TOKEN else XET
    return lambda hub: hub.fault(path, kind, origin=origin, times=None, **options)


FAULTS: dict[str, Callable[[FaultyHub], object]] = {
    "unreachable": _at_a_closed_port,
    "accepts and never answers": _of("reconstructions", "stall"),
    "a piece never comes": _of("xorbs", "stall"),
    "stalls inside a piece": _of("xorbs", "stall", after_bytes=1_000_000),
    "trickles": _of("xorbs", "trickle"),
    "500": _of("reconstructions", 500),
    "401": _of("reconstructions", 401),
    "403 for every link": _of("xorbs", 403),
    "does not have the file": _of("reconstructions", 404),
    "resets": _of("xorbs", "reset", after_bytes=1_000_000),
    "other bytes": _of("xorbs", "flip", flip_at=1_000_000),
    "a login page for a piece": _of("xorbs", "html"),
    "half an answer": _of("reconstructions", "broken-json"),
    "no token route": _of(TOKEN, 404),
    "no token at the moment": _of(TOKEN, 503),
    "a token answer without a token": _of(TOKEN, "html"),
    "a token that is none": _of(TOKEN, 200, headers={**GIVEN, "X-Xet-Access-Token": "a b"}),
    "an address that is none": _of(TOKEN, 200, headers={**GIVEN, "X-Xet-Cas-Url": "http://["}),
    "a time that is none": _of(TOKEN, 200, headers={**GIVEN, "X-Xet-Token-Expiration": "\xb2"}),
    "silence about the token": _of(TOKEN, "stall"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_is_wrong_with_it_the_file_comes_by_plain_http_and_xet_is_left_alone(
    hub: FaultyHub, access: HubAccess, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    files = [source(access), source(access, "data/second.parquet")]
    access = replace(access, read_timeout_s=0.2)
    FAULTS[name](hub)
    hub.requests.clear()
    fetch(access, "org/set", "main", files[0], tmp_path / "x")
    fetch(access, "org/set", "main", files[1], tmp_path / "y")
    asked = [request for request in hub.requests if request.origin == XET or TOKEN in request.path]
    assert ((tmp_path / "x").read_bytes(), (tmp_path / "y").read_bytes()) == (DATA, DATA[:-1])
    assert sum(TOKEN in request.path for request in asked) <= 1 and len(asked) <= 12
    assert not [request for request in asked if str(files[1].xet_hash) in request.path]
    [told] = [record.getMessage() for record in caplog.records if record.name == "hugflow_assets.transfer.xet_storage"]
    assert "plain HTTP" in told
    messages = " ".join(record.getMessage() for record in caplog.records)
    assert "Signature" not in messages and "xet_" not in messages


def test_what_came_before_it_broke_is_not_fetched_again(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    file = source(access)
    hub.fault(f"xorbs/{_xorbs_of(hub, file)[-1]}", "stall", origin=XET, times=None)
    hub.requests.clear()
    receipt = fetch(replace(access, read_timeout_s=0.3), "org/set", "main", file, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert (receipt.bytes_fetched, receipt.attempts) == (SIZE, 2)
    assert SIZE // 2 < body_bytes(hub, CDN) < 0.8 * SIZE


def _xorbs_of(hub: FaultyHub, file: SourceFile) -> list[str]:
    assert hub.protocol.xet is not None and file.xet_hash
    told = hub.protocol.xet.storage.reconstruction(file.xet_hash, 0, file.size_bytes)
    assert told is not None
    return list(told["xorbs"])


def test_a_token_that_expired_is_taken_anew(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    assert hub.protocol.xet is not None
    hub.protocol.xet.token_for_s = 61
    file = source(access)
    fetch(access, "org/set", "main", file, tmp_path / "x")
    hub.requests.clear()
    time.sleep(1.1)
    fetch(access, "org/set", "main", file, tmp_path / "y")
    assert [TOKEN in request.path for request in hub.requests if request.origin == HUB] == [True]
    assert body_bytes(hub, CDN) == 0


def test_interrupted_it_ends_at_once_and_the_next_one_goes_on_inside_the_file(
    hub: FaultyHub, access: HubAccess, tmp_path: Path
) -> None:
    file = source(access)
    rule = hub.fault(f"xorbs/{_xorbs_of(hub, file)[-1]}", "stall", origin=XET)
    code = (
        "import sys; from pathlib import Path; from hugflow_assets.hub import HubAccess, SourceFile\n"
        "from hugflow_assets.transfer import fetch\n"
        "_, url, file, to = sys.argv\n"
        "fetch(HubAccess(url, xet='on'), 'org/set', 'main', SourceFile.model_validate_json(file), Path(to))"
    )
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", code, hub.url, file.model_dump_json(), str(tmp_path / "x")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as child:
        part, bound = tmp_path / "x.part", time.monotonic() + 30
        while not (part.exists() and part.stat().st_size and rule.hits):
            assert time.monotonic() < bound and child.poll() is None
            os.sched_yield()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=10)
    assert child.returncode == -signal.SIGINT and said.rstrip().endswith(b"KeyboardInterrupt")
    assert not [*(tmp_path / "home").rglob("*")]  # no log, no cache
    kept, before = part.stat().st_size, body_bytes(hub, XET)
    hub.heal()
    receipt = fetch(access, "org/set", "main", file, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (kept, SIZE - kept)
    assert body_bytes(hub, XET) > before and body_bytes(hub, CDN) == 0


def test_a_stop_is_heard_while_the_storage_is_silent(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    file, rule = source(access), hub.fault("xorbs", "stall", origin=XET, times=None)
    with pytest.raises(LandingCancelledError, match=PATH):
        fetch(access, "org/set", "main", file, tmp_path / "x", should_stop=lambda: rule.hits > 0)


def test_a_private_file_is_not_given_to_another_token(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    hub.repo("org/set").private = True
    hub.grant("org/set", "reader")
    reader = replace(access, token="hf_reader")
    file = source(reader)
    fetch(reader, "org/set", "main", file, tmp_path / "x")
    hub.requests.clear()
    for token in ("hf_stranger", "hf_invalid", None):
        with pytest.raises(HFError):
            fetch(replace(access, token=token), "org/set", "main", file, tmp_path / f"of {token}")
    assert not [request for request in hub.requests if request.origin == XET]


def test_a_file_too_large_for_plain_http_comes_by_xet(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    files = [source(access), source(access, "data/second.parquet")]
    limited = replace(access, xet="auto", largest_plain_bytes=SIZE - 1)
    for file in files:
        fetch(limited, "org/set", "main", file, tmp_path / file.path)
    assert [(tmp_path / file.path).read_bytes() for file in files] == [DATA, DATA[:-1]]
    assert body_bytes(hub, CDN) == SIZE - 1, "the smaller one came by plain HTTP"


def test_a_file_too_large_for_one_answer_comes_in_several_where_xet_is_off(
    hub: FaultyHub, access: HubAccess, tmp_path: Path
) -> None:
    file = source(access)
    limited = replace(access, xet="off", largest_plain_bytes=SIZE // 3 + 1)
    hub.requests.clear()
    receipt = fetch(limited, "org/set", "main", file, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert (receipt.bytes_fetched, receipt.attempts) == (SIZE, 3)
    assert max(request.bytes_sent for request in hub.requests if request.origin == CDN) == SIZE // 3 + 1


def test_a_hash_that_is_none_is_not_asked_for(hub: FaultyHub, access: HubAccess, tmp_path: Path) -> None:
    files = [source(access).model_copy(update={"xet_hash": "../etc"}), source(access)]
    for at, file in enumerate(files):
        fetch(access, "org/set", "main", file, tmp_path / str(at))
    assert body_bytes(hub, CDN) == SIZE, "the other file has come by Xet"


@pytest.mark.parametrize("library", [None, ModuleType("hf_xet")], ids=["missing", "another one of the name"])
def test_without_the_client_library_files_come_by_plain_http(
    hub: FaultyHub, access: HubAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: ModuleType | None
) -> None:
    file = source(access)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "hf_xet", library)
        _look_for_it_again()
        fetch(access, "org/set", "main", file, tmp_path / "x")
    _look_for_it_again()
    assert (tmp_path / "x").read_bytes() == DATA
    assert body_bytes(hub, CDN) == SIZE


def test_the_variable_of_the_client_library_turns_it_off(
    hub: FaultyHub, access: HubAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = source(access)
    with monkeypatch.context() as patched:
        patched.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # which it reads when it is imported
        _look_for_it_again()
        fetch(access, "org/set", "main", file, tmp_path / "x")
    _look_for_it_again()
    assert body_bytes(hub, CDN) == SIZE


def _look_for_it_again() -> None:
    client_library.cache_clear()
    is_installed.cache_clear()


@pytest.mark.parametrize(
    "changed",
    [{"xet": "off"}, {"xet": "auto"}, {"bytes_per_s": 1e9}, {"https_proxy": "http://127.0.0.1:9"}],
    ids=["off", "auto: a small file", "a bandwidth limit", "a proxy"],
)
def test_it_is_not_asked_where_it_is_not_wanted(
    hub: FaultyHub, access: HubAccess, tmp_path: Path, changed: dict[str, Any]
) -> None:
    fetch(replace(access, **changed), "org/set", "main", source(access), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert body_bytes(hub, CDN) == SIZE
    assert not [request for request in hub.requests if request.origin == XET or TOKEN in request.path]
