"""Every way in which the Hub can say no, over real HTTP: its own error, with what was asked and what to do."""

from __future__ import annotations

import json
import logging
import pickle
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.demo.protocol import Answer, Request
from hugflow_assets.errors import (
    ENVIRONMENT_AT_FAULT,
    REQUEST_AT_FAULT,
    HFDisabledError,
    HFError,
    HFGatedError,
    HFGoneError,
    HFIdSpellingError,
    HFNotFoundError,
    HFRateLimitedError,
    HFRevisionNotFoundError,
    HFSplitNotFoundError,
    HFSubsetNotFoundError,
    HFTokenError,
    HFUnreachableError,
    LandingCancelledError,
)
from hugflow_assets.hub import Hub, HubAccess, SourceFile
from hugflow_assets.hub.requests import Backoff, unreachable
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.transfer.to_disk import fetch
from hugflow_assets_tests.datasets_made import speech_files, two_config_files
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.hub.conftest import Access


def request(hf_id: str = "org/set", **fields: Any) -> DatasetRequest:
    return DatasetRequest(hf_id=hf_id, description="a test", **fields)


@pytest.fixture
def speech(hub: FaultyHub, tmp_path: Path) -> str:
    return hub.add_repo("org/set", speech_files(tmp_path))


def refused(access: HubAccess, wanted: DatasetRequest, kind: type[HFError], **options: object) -> HFError:
    with pytest.raises(HFError) as caught:
        resolve(Hub(access), wanted, **options)  # type: ignore[arg-type]
    assert type(caught.value) is kind
    assert caught.value.message and caught.value.remedy
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message
    return caught.value


def test_a_missing_repository(hub: FaultyHub, access: Access) -> None:
    for token in (None, "hf_reader"):
        error = refused(access(token=token), request("org/nope"), HFNotFoundError)
        assert (error.code, error.exit_status) == ("hub-not-found", REQUEST_AT_FAULT)
        assert "org/nope" in error.message and hub.url in error.message and "private" in error.message
        assert "HF_TOKEN" in error.remedy
        assert error.details == {"repo": "org/nope", "revision": "main", "endpoint": hub.url}


def test_a_private_repository_without_access_reads_like_a_missing_one(
    hub: FaultyHub, access: Access, speech: str
) -> None:
    hub.repo("org/set").private = True
    assert "private" in refused(access(token="hf_stranger"), request(), HFNotFoundError).message
    hub.grant("org/set", "reader")
    assert resolve(Hub(access(token="hf_reader")), request()).state.private is True


@pytest.mark.parametrize("token", [None, "hf_reader"])
def test_a_repository_that_was_there_and_is_not_is_gone(
    hub: FaultyHub, access: Access, speech: str, token: str | None
) -> None:
    hub.delete_repo("org/set")
    error = refused(access(token=token), request(), HFGoneError, seen_before=True)
    assert error.code == "hub-gone"
    assert "gone" in error.message


def test_status_410_is_gone(hub: FaultyHub, access: Access, speech: str) -> None:
    hub.fault("/api/datasets/", 410, times=None)
    refused(access(), request(), HFGoneError)


def test_another_repository_under_the_name_of_a_landed_one_means_gone(
    hub: FaultyHub, access: Access, speech: str, tmp_path: Path
) -> None:
    before = Hub(access()).state("org/set").repo_oid
    hub.delete_repo("org/set")
    hub.add_repo("org/set", speech_files(tmp_path))
    assert "another repository" in refused(access(), request(), HFGoneError, known_oid=before).message


@pytest.mark.parametrize(("token", "first"), [(None, "Set HF_TOKEN, and accept"), ("hf_stranger", "Accept its terms")])
def test_a_gated_repository_names_the_page_where_terms_are_accepted(
    hub: FaultyHub, access: Access, speech: str, token: str | None, first: str
) -> None:
    hub.repo("org/set").gated = "auto"
    error = refused(access(token=token), request(), HFGatedError)
    assert error.code == "hub-gated"
    assert error.transient
    assert error.remedy.startswith(first)
    assert f"{hub.url}/datasets/org/set" in error.remedy
    hub.grant("org/set", "stranger")
    assert resolve(Hub(access(token="hf_stranger")), request()).state.gated == "auto"


def test_a_disabled_repository(hub: FaultyHub, access: Access, speech: str) -> None:
    hub.repo("org/set").disabled = True
    error = refused(access(), request(), HFDisabledError)
    assert error.code == "hub-disabled"


def test_a_wrong_token_is_the_tokens_fault_and_is_not_told(hub: FaultyHub, access: Access, speech: str) -> None:
    error = refused(access(token="hf_wrong_secret"), request(), HFTokenError)
    assert (error.code, error.exit_status) == ("hub-token-invalid", ENVIRONMENT_AT_FAULT)
    assert f"{hub.url}/settings/tokens" in error.remedy
    assert "hf_wrong_secret" not in f"{error}{error.details}"
    with pytest.raises(HFTokenError):
        Hub(access(token="hf_wrong_secret")).whoami()


def test_no_such_revision_names_the_nearest_first(hub: FaultyHub, access: Access, speech: str) -> None:
    hub.branch("org/set", "zzz", speech)
    hub.tag("org/set", "v1.0", speech)
    error = refused(access(), request(revision="v1.1"), HFRevisionNotFoundError)
    assert error.code == "hub-revision-not-found"
    assert "no revision 'v1.1'. It has v1.0, main, zzz." in error.message
    assert resolve(Hub(access()), request(revision="v1.0")).commit == speech


def test_no_such_subset_names_the_nearest_first(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    hub.add_repo("org/two", two_config_files(tmp_path))
    error = refused(access(), request("org/two", subset="Noisey"), HFSubsetNotFoundError)
    assert error.code == "hub-subset-not-found"
    assert "has no subset 'Noisey'. It has noisy, clean." in error.message
    assert "`subset: noisy`" in error.remedy
    assert error.details["existing"] == ["noisy", "clean"]


def test_no_such_split_names_the_nearest_first(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    hub.add_repo("org/two", two_config_files(tmp_path))
    error = refused(access(), request("org/two", subset="clean", split="testing"), HFSplitNotFoundError)
    assert error.code == "hub-split-not-found"
    assert "subset clean, has no split 'testing'. It has test, train." in error.message


@pytest.mark.parametrize("wrong", ["Org/Set", "old/name"])
def test_an_id_spelt_otherwise_names_the_right_spelling(
    hub: FaultyHub, access: Access, speech: str, tmp_path: Path, wrong: str
) -> None:
    hub.add_repo("old/name", speech_files(tmp_path / "other"))
    hub.rename_repo("old/name", "new/name")
    right = "org/set" if wrong == "Org/Set" else "new/name"
    error = refused(access(), request(wrong), HFIdSpellingError)
    assert error.code == "hub-id-spelling"
    assert f"{right!r}" in error.message
    assert f"hf_id: {right}" in error.remedy


@pytest.mark.parametrize("hostile", ["../../etc", "a/b/c", "org/..", "", "org/set?x=1", "a b/c", "org/set#x"])
def test_an_id_that_no_repository_can_have_is_not_asked_for(hub: FaultyHub, access: Access, hostile: str) -> None:
    with pytest.raises(HFNotFoundError):
        Hub(access()).state(hostile)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("reset", {}, "connection"),
        ("close", {}, "ended early"),
        ("stall", {}, "too slow"),
        (500, {}, "status 500 (Internal Error)"),
        (503, {"headers": {"Retry-After": "0"}}, "status 503"),
        ("html", {}, "text/html that is no JSON"),
        ("broken-json", {}, "no JSON"),
        ("redirect-loop", {}, "circle"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_hub_without_a_usable_answer_is_unreachable(
    hub: FaultyHub, access: Access, speech: str, kind: str, options: dict[str, object], told: str
) -> None:
    hub.fault("/api/datasets/", kind, times=None, **options)  # type: ignore[arg-type]
    error = refused(access(read_timeout_s=0.3, retries=1), request(), HFUnreachableError)
    assert (error.code, error.exit_status, error.transient) == ("hub-unreachable", ENVIRONMENT_AT_FAULT, True)
    assert told in error.message and hub.url in error.message
    assert "HF_ENDPOINT" in error.remedy


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"])
def test_a_byte_now_and_then_does_not_keep_us_waiting(tmp_path: Path, head: bytes) -> None:
    with _trickling_server(head) as url:
        access = HubAccess(url, read_timeout_s=0.2, retries=1, backoff_s=0.01)
        assert "too slow" in refused(access, request(), HFUnreachableError).message
        file = SourceFile(path="x", size_bytes=100_000, sha256="0" * 64)
        with pytest.raises(HFUnreachableError, match=r"next to nothing|too slow"):
            fetch(access, "org/set", "0" * 40, file, tmp_path / "x")


@contextmanager
def _trickling_server(head: bytes) -> Iterator[str]:
    """Answers with ``head`` at once and then a byte every 50 ms, which no time-out of a single read notices."""
    ended = threading.Event()

    class Trickle(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(head)
            with suppress(OSError):
                while not ended.wait(0.05):
                    self.request.sendall(b"H")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Trickle) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        ended.set()
        server.shutdown()


def test_nobody_listening_is_unreachable(hub: FaultyHub, access: Access) -> None:
    with hub.down():
        refused(access(), request(), HFUnreachableError)
        with pytest.raises(HFUnreachableError, match="no connection"):
            Hub(access()).ping()
    Hub(access()).ping()


def test_a_login_page_in_between_is_no_hub(hub: FaultyHub, access: Access) -> None:
    hub.fault("", "html", times=None)
    with pytest.raises(HFUnreachableError, match="does not answer as a Hub does"):
        Hub(access()).ping()


@pytest.mark.parametrize("fault", [("reset", {}), (502, {}), (429, {"headers": {"Retry-After": "0"}}), ("close", {})])
def test_a_fault_that_passes_is_not_noticed(
    hub: FaultyHub, access: Access, speech: str, fault: tuple[str, dict[str, object]]
) -> None:
    for path in ("/revision/", "/tree/", "README", "parquet"):
        hub.fault(path, fault[0], **fault[1])  # type: ignore[arg-type]
    assert resolve(Hub(access()), request()).estimate.rows == 12
    assert all(rule.hits == 1 for rule in hub.faults)


@pytest.mark.parametrize(
    ("headers", "told"),
    [({"Retry-After": "0"}, "after every retry"), ({"RateLimit": '"api";r=0;t=77'}, "again in 77 s")],
)
def test_too_many_requests(hub: FaultyHub, access: Access, speech: str, headers: dict[str, str], told: str) -> None:
    hub.fault("/api/", 429, times=None, headers=headers)
    error = refused(access(retry_max_wait_s=60), request(), HFRateLimitedError)
    assert (error.code, error.exit_status) == ("hub-rate-limited", ENVIRONMENT_AT_FAULT)
    assert told in error.message


class _PlainHub(FaultyHub):
    """A server behind a proxy that drops the Hub's own headers, as plain mirrors do."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("X-Error")}
        return replace(answer, headers=headers, body=b"" if answer.status >= 400 else answer.body)


def test_a_plain_server_without_error_codes_is_understood(tmp_path: Path) -> None:
    with _PlainHub(tokens={"hf_reader": "reader"}) as hub:
        hub.add_repo("org/set", speech_files(tmp_path))
        for token in (None, "hf_reader"):
            access = HubAccess(hub.url, token=token, backoff_s=0.01)
            refused(access, request("org/nope"), HFNotFoundError)
            refused(access, request(revision="nope"), HFRevisionNotFoundError)
        refused(HubAccess(hub.url, token="hf_wrong", backoff_s=0.01), request(), HFTokenError)


def test_a_mirror_without_a_check_of_the_gate_lets_the_files_tell(tmp_path: Path) -> None:
    with _PlainHub(tokens={"hf_reader": "reader"}) as hub:
        hub.add_repo("org/set", speech_files(tmp_path), gated="manual")
        hub.grant("org/set", "reader")
        hub.fault("auth-check", 404, times=None, body=b"")
        access = HubAccess(hub.url, token="hf_reader", backoff_s=0.01)
        assert resolve(Hub(access), request()).estimate.rows == 12


def test_a_gate_is_known_though_the_server_gives_no_reason(tmp_path: Path) -> None:
    with _PlainHub(tokens={"hf_reader": "reader"}) as hub:
        hub.add_repo("org/set", speech_files(tmp_path), gated="manual")
        for token in (None, "hf_reader"):
            access = HubAccess(hub.url, token=token, backoff_s=0.01)
            assert f"{hub.url}/datasets/org/set" in refused(access, request(), HFGatedError).remedy


class _MirrorHub(FaultyHub):
    """A mirror that passes on the real Hub's links to the next page."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        links = {name: value.replace(self.url, "https://huggingface.co") for name, value in answer.headers.items()}
        return replace(answer, headers={**answer.headers, **{"Link": links["Link"]}} if "Link" in links else links)


def test_the_next_page_of_a_mirror_is_asked_of_the_mirror() -> None:
    with _MirrorHub(page_size=10) as hub:
        commit = hub.add_repo("org/set", {f"{number:03}.txt": b"x" for number in range(35)})
        assert len(Hub(HubAccess(hub.url)).files("org/set", commit)) == 35
        assert len([asked for asked in hub.requests if "/tree/" in asked.path]) == 4


class _PlainerHub(FaultyHub):
    """A server that keeps to the least: relative links under another name, no branch by name, LFS without a size."""

    def __init__(self, link_base: str, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.link_base = link_base

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if request.path.endswith("/revision/main"):
            return replace(answer, status=404, headers={}, body=b"{}")
        headers = dict(answer.headers)
        if "Link" in headers:
            headers["Link"] = headers["Link"].replace(self.url, self.link_base)
        body = answer.body
        if "/tree/" in request.path:
            rows = json.loads(body)
            for row in rows:
                (row.get("lfs") or {}).pop("size", None)
            body = json.dumps(rows).encode()
            headers.pop("Content-Length", None)
        return replace(answer, headers=headers, body=body)


@pytest.mark.parametrize("link_base", ["", "http://inner-name:8080"])
def test_a_server_that_keeps_to_the_least_serves_as_well(tmp_path: Path, link_base: str) -> None:
    with _PlainerHub(link_base, page_size=2) as hub:
        commit = hub.add_repo("org/set", speech_files(tmp_path))
        plan = resolve(Hub(HubAccess(hub.url, backoff_s=0.01)), request())
        assert (plan.commit, plan.estimate.rows) == (commit, 12)


def test_a_next_page_that_leads_elsewhere_is_not_followed(hub: FaultyHub, access: Access) -> None:
    commit = hub.add_repo("org/set", {"a.txt": b"x"})
    elsewhere = {"Link": '<http://127.0.0.1:1/evil>; rel="next"'}
    hub.fault("/tree/", 200, times=None, headers=elsewhere, body=b"[]")
    with pytest.raises(HFUnreachableError, match="a next page that leads elsewhere"):
        Hub(access(token="hf_reader")).files("org/set", commit)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b'{"id": "org/set"}', b"null"])
def test_json_of_another_form_is_said_as_such(hub: FaultyHub, access: Access, speech: str, body: bytes) -> None:
    hub.fault("/revision/", 200, times=None, body=body)
    refused(access(), request(), HFUnreachableError)
    hub.heal()
    hub.fault("/tree/", 200, times=None, body=b'[{"type": "file"}]')
    assert "another form" in refused(access(), request(), HFUnreachableError).message


def test_a_server_that_echoes_the_token_does_not_get_it_into_a_message(
    hub: FaultyHub, access: Access, speech: str
) -> None:
    hub.fault("/api/datasets/", 400, times=None, body=b'{"error": "bad header: Bearer hf_reader"}')
    error = refused(access(token="hf_reader"), request(), HFError)
    assert "Bearer ***" in error.message
    assert "hf_reader" not in f"{error!r}{error.details}{access(token='hf_reader')!r}"


def test_whoami_names_the_account(access: Access) -> None:
    assert Hub(access(token="hf_reader")).whoami() == "reader"
    assert Hub(access()).whoami() is None


def test_a_token_that_was_left_on_the_machine_is_not_sent(
    hub: FaultyHub, access: Access, speech: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    resolve(Hub(access()), request())
    assert not any("authorization" in asked.headers for asked in hub.requests)


def test_a_long_wait_is_told_of_without_the_token(access: Access, caplog: pytest.LogCaptureFixture) -> None:
    waiting = Backoff(access(token="hf_reader", backoff_s=100), should_stop=lambda: True)
    fault = unreachable(waiting.access, waiting.access.endpoint, "it echoes hf_reader")
    with caplog.at_level(logging.INFO), pytest.raises(LandingCancelledError):
        waiting.wait(fault)
    assert "it echoes ***. Trying again in " in caplog.text and "hf_reader" not in caplog.text
