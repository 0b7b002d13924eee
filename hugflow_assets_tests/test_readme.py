"""The README keeps its word: its requests are requests, its commands exist, its errors are errors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from hugflow_assets import errors
from hugflow_assets.cli import app
from hugflow_assets.intake import Kind, read_request

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.splitlines()[0])
def test_every_request_shown_is_one(text: str) -> None:
    place = re.match(r"# requests/((add|remove)/\S+\.yaml)\n", text)
    assert place, "a request says where it lies"
    read_request(text.encode(), path=place[1], kind=Kind(place[2]))


def test_two_fields_are_all_that_is_required() -> None:
    first = blocks("yaml")[0]
    assert [line.split(":")[0] for line in first.splitlines()[1:]] == ["hf_id", "description"]


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`(hugflow [^`]+)`", README))))
def test_every_command_named_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.replace("…", ""))[1:]
    group = get_command(app)
    command = group.commands.get(words[0])  # type: ignore[attr-defined]
    assert command is not None, f"no command {words[0]}"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words[1:] if word.startswith("--")} <= known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z]+)`", README))))
def test_every_make_target_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def codes(kind: type[errors.HugflowError] = errors.HugflowError) -> Iterator[str]:
    yield kind.code
    for below in kind.__subclasses__():
        yield from codes(below)


@pytest.mark.parametrize("code", sorted(set(re.findall(r"^\| (`[a-z]+-[^|]+`) \|", README, re.MULTILINE))))
def test_every_error_explained_is_one(code: str) -> None:
    assert set(re.findall(r"`([a-z-]+)`", code)) <= set(codes())


def test_every_local_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
