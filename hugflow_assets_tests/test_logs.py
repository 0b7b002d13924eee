"""The process log: one renderer for everybody, and no secret in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hugflow_assets.logs import configure_logs
from hugflow_assets.settings import load_settings


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def logged(**settings: str) -> str:
    """What ours, a library's and an exception's lines look like."""
    stream = io.StringIO()
    configure_logs(load_settings(**settings), stream)
    structlog.get_logger("hugflow_assets.x").info("landed", rows=3, urls=["http://hf_canary@hub"])
    logging.getLogger("library").info("every request")
    logging.getLogger("library").warning("with %s", "hf_canary")
    try:
        raise ValueError("hf_canary in an exception")
    except ValueError:
        logging.getLogger("library").exception("failed")
    return stream.getvalue()


def test_json_lines_are_json_and_hold_no_secret() -> None:
    text = logged(log_format="json")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == ["landed", "with ***", "failed"]
    assert (lines[0]["rows"], lines[0]["urls"], lines[0]["level"]) == (3, ["http://***@hub"], "info")
    assert "canary" not in text


def test_text_lines_hold_no_secret() -> None:
    text = logged(log_format="text")
    assert "landed" in text
    assert "canary" not in text


def test_the_level_is_ours_and_libraries_are_heard_from_warnings_on() -> None:
    assert "every request" in logged(log_level="DEBUG")
    assert "every request" not in logged(log_level="INFO")
    quiet = logged(log_level="ERROR", log_format="text")
    assert "landed" not in quiet
    assert "failed" in quiet
