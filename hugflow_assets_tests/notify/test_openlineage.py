"""OpenLineage hears of every landing, with the repository it came from; a server that is down delays nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hugflow_assets.notify import OpenLineageChannel, deliver
from hugflow_assets.settings import Settings
from hugflow_assets.store import EventKind, Store

NAME, COMMIT, RUN = "org__name__rev_main", "a" * 40, "0190a1b2-0000-7000-8000-000000000001"


class Lineage(BaseHTTPRequestHandler):
    """A lineage server that keeps what it is told, and answers ``status``."""

    heard: list[dict[str, Any]]
    status: int

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append({**body, "path": self.path, "key": self.headers.get("Authorization")})
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Lineage.heard, Lineage.status = [], 201
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lineage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_landing_is_told_with_its_source_and_its_fault(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    store = Store(tmp_path / "storage", tmp_path / "state")
    settings = Settings(
        openlineage_url=f"http://127.0.0.1:{server.server_port}",
        openlineage_api_key=SecretStr("sesame"),
        storage_root=store.root,
    )
    channel = OpenLineageChannel(settings, {NAME: "org/name"}.get)
    store.events.append(EventKind.REQUESTED, NAME, path="add/x.yaml", by="ana")
    store.events.append(EventKind.STARTED, NAME, run_id=RUN, commit=COMMIT)
    store.events.append(EventKind.LANDED, NAME, run_id=RUN, commit=COMMIT, rows=3, size_bytes=700, files=5)
    store.events.append(EventKind.FAILED, "org__other__rev_main", code="hub-unreachable", message="No answer.")

    Lineage.status = 503
    first = deliver(store, channel)
    assert "503" in first.problem and "sesame" not in first.problem and first.retry_at is not None
    assert len(Lineage.heard) == 1, "one call, and then it waits"

    Lineage.heard.clear()
    Lineage.status = 201
    told = deliver(store, channel, now=first.retry_at)
    assert (told.sent, told.problem, told.cursor) == (3, "", 4)
    started, landed, failed = Lineage.heard
    assert {one["path"] for one in Lineage.heard} == {"/api/v1/lineage"} and started["key"] == "Bearer sesame"
    assert (started["eventType"], landed["eventType"], failed["eventType"]) == ("START", "COMPLETE", "FAIL")
    assert started["run"]["runId"] == landed["run"]["runId"] == RUN != failed["run"]["runId"]
    assert landed["job"] == {"namespace": "hugflow", "name": "dataset", "facets": {}}
    (source,), (folder,) = landed["inputs"], landed["outputs"]
    assert (source["namespace"], source["name"]) == ("https://huggingface.co", "datasets/org/name")
    assert source["facets"]["version"]["datasetVersion"] == COMMIT
    assert folder["name"] == str(store.root / NAME) and folder["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert failed["run"]["facets"]["errorMessage"]["message"] == "[hub-unreachable] No answer."


def test_a_server_that_is_not_there_only_waits(tmp_path: Path) -> None:
    store = Store(tmp_path / "storage", tmp_path / "state")
    store.events.append(EventKind.STARTED, NAME, run_id=RUN)
    found = deliver(store, OpenLineageChannel(Settings(openlineage_url="http://127.0.0.1:9"), lambda name: None))
    assert found.sent == 0 and found.problem.startswith("OpenLineage") and found.cursor == 0
