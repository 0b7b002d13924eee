"""Each fault is what its name says: seen by a plain HTTP client, gone when its times are used up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import hf_hub_download

from hugflow_assets_tests.faulty_hub import FaultyHub

CLIP = bytes(range(256)) * 400
INFO = "/api/datasets/acme/speech"
FILE = "/datasets/acme/speech/resolve/main/data/clip.wav"


@pytest.fixture
def faulty() -> Iterator[FaultyHub]:
    with FaultyHub() as hub:
        hub.add_repo("acme/speech", {"data/clip.wav": CLIP, "notes.txt": b"notes"})
        yield hub


@pytest.fixture
def client(faulty: FaultyHub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=faulty.url, follow_redirects=True, timeout=10) as client:
        yield client


def read(client: httpx2.Client, path: str) -> tuple[bytes, Exception | None]:
    """What arrived of a body before it broke off, and how it broke."""
    got = b""
    try:
        with client.stream("GET", path) as answer:
            for chunk in answer.iter_raw():
                got += chunk
    except httpx2.TransportError as error:
        return got, error
    return got, None


@pytest.mark.parametrize(
    ("kind", "error"), [("reset", httpx2.ReadError), ("close", httpx2.RemoteProtocolError)], ids=["reset", "close"]
)
@pytest.mark.parametrize("after_bytes", [None, 0, 5000])
def test_a_connection_breaks_where_it_is_told_to(
    faulty: FaultyHub, client: httpx2.Client, kind: str, error: type[Exception], after_bytes: int | None
) -> None:
    rule = faulty.fault("clip.wav", kind, origin="cdn", after_bytes=after_bytes)  # type: ignore[arg-type]
    got, broke = read(client, FILE)
    assert isinstance(broke, error)
    assert got == CLIP[: after_bytes or 0]
    assert read(client, FILE) == (CLIP, None)
    assert rule.hits == 1


def test_a_stall_holds_until_it_is_released(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "stall", origin="cdn", after_bytes=1000)
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(faulty.url + FILE, follow_redirects=True, timeout=0.2)
    faulty.fault("clip.wav", "stall", origin="cdn")
    threading.Timer(0.1, faulty.release).start()
    assert read(client, FILE) == (CLIP, None)


def test_a_stall_ends_by_itself(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "stall", origin="cdn", after_bytes=1000, hold_s=0.05)
    assert read(client, FILE) == (CLIP, None)


def test_a_trickle_is_slow_and_whole(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "trickle", origin="cdn", bytes_per_s=500_000)
    answer = client.get(FILE)
    assert answer.content == CLIP
    assert answer.elapsed.total_seconds() > 0.15


@pytest.mark.parametrize("status", [500, 502, 503, 403])
def test_a_status_comes_as_often_as_it_is_told_to(faulty: FaultyHub, client: httpx2.Client, status: int) -> None:
    faulty.fault(INFO, status, times=2)
    assert [client.get(INFO).status_code for _ in range(3)] == [status, status, 200]


def test_a_rate_limit_says_when_to_come_again(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault(INFO, 429, times=None, headers={"Retry-After": "7", "RateLimit": '"api";r=0;t=7'})
    for _ in range(3):
        answer = client.get(INFO)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    faulty.heal()
    assert client.get(INFO).status_code == 200


def test_a_flipped_byte_keeps_the_size_and_goes_unnoticed_by_the_client(faulty: FaultyHub, tmp_path: Path) -> None:
    faulty.fault("clip.wav", "flip", origin="cdn")
    where: dict[str, Any] = {"repo_type": "dataset", "endpoint": faulty.url, "token": False, "cache_dir": tmp_path}
    got = Path(hf_hub_download("acme/speech", "data/clip.wav", **where)).read_bytes()
    assert len(got) == len(CLIP)
    assert sum(a != b for a, b in zip(got, CLIP, strict=True)) == 1


def test_a_flipped_byte_lies_where_it_lies_for_ranges_too(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "flip", origin="cdn", flip_at=10)
    assert client.get(FILE, headers={"Range": "bytes=10-12"}).content == bytes([CLIP[10] ^ 1, *CLIP[11:13]])


def test_a_wrong_length_is_one_that_the_bytes_do_not_have(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "wrong-length", origin="cdn", length_off=10)
    faulty.fault("clip.wav", "wrong-length", origin="cdn", length_off=-10)
    got, broke = read(client, FILE)
    assert got == CLIP
    assert isinstance(broke, httpx2.RemoteProtocolError)
    assert read(client, FILE) == (CLIP[:-10], None)


def test_a_server_without_ranges_sends_everything(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "no-range", origin="cdn")
    answer = client.get(FILE, headers={"Range": "bytes=100-"})
    assert (answer.status_code, answer.content) == (200, CLIP)
    assert faulty.requests[-1].range == "bytes=100-"


def test_a_login_page_and_half_a_json(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault(INFO, "html")
    faulty.fault(INFO, "broken-json")
    assert client.get(INFO).headers["Content-Type"] == "text/html"
    with pytest.raises(json.JSONDecodeError):
        client.get(INFO).json()
    assert client.get(INFO).json()["id"] == "acme/speech"


def test_a_dead_link_stays_dead_and_a_new_one_works(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault("clip.wav", "expired", origin="cdn")
    link = str(client.get(FILE, follow_redirects=False).headers["Location"])
    assert [httpx2.get(link).status_code for _ in range(3)] == [403, 403, 403]
    assert client.get(FILE).content == CLIP


def test_a_redirect_loop(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault(INFO, "redirect-loop", times=None)
    with pytest.raises(httpx2.TooManyRedirects):
        client.get(INFO)


def test_refused_from_a_moment_on_and_while_down(faulty: FaultyHub, client: httpx2.Client) -> None:
    faulty.fault(INFO, "refuse")
    with pytest.raises(httpx2.TransportError):
        client.get(INFO)
    with pytest.raises(httpx2.ConnectError):
        client.get(INFO)
    faulty.start()
    assert client.get(INFO).status_code == 200
    with faulty.down(), pytest.raises(httpx2.ConnectError):
        client.get(INFO)
    assert client.get(INFO).status_code == 200


def test_rules_choose_by_method_and_origin(faulty: FaultyHub, client: httpx2.Client) -> None:
    head = faulty.fault("notes", 503, method="HEAD")
    cdn = faulty.fault("notes", 503, origin="cdn")
    notes = "/datasets/acme/speech/resolve/main/notes.txt"
    assert client.get(notes).content == b"notes"
    assert [client.head(notes).status_code for _ in range(2)] == [503, 200]
    assert (head.hits, cdn.hits) == (1, 0)
