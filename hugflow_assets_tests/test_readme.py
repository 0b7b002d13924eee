"""The README keeps its word: its requests are requests, its commands exist, its errors are errors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hugflow_assets import errors
from hugflow_assets.cli import app
from hugflow_assets.cli.commands import COMMANDS, command_of
from hugflow_assets.intake import Kind, json_schema, read_request

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "requests/README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.splitlines()[0])
def test_every_request_shown_is_one(text: str) -> None:
    place = re.match(r"# requests/((add|remove)/\S+\.yaml)\n", text)
    assert place, "a request says where it lies"
    read_request(text.encode(), path=place[1], kind=Kind(place[2]))


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))
def test_every_request_in_the_guide_is_one(text: str) -> None:
    if "hf_id:" in text:
        kind = Kind.REMOVE if "reason:" in text else Kind.ADD
        read_request(text.encode(), path=f"{kind.value}/x.yaml", kind=kind)


@pytest.mark.parametrize(("kind", "title"), [(Kind.ADD, "## Land a dataset"), (Kind.REMOVE, "## Withdraw a dataset")])
def test_the_guide_names_every_key(kind: Kind, title: str) -> None:
    section = GUIDE.split(title)[1].split("\n## ")[0]
    assert set(json_schema(kind)["properties"]) <= set(re.findall(r"`(\w+)[`:]", section))


def test_two_fields_are_all_that_is_required() -> None:
    first = blocks("yaml")[0]
    assert [line.split(":")[0] for line in first.splitlines()[1:]] == ["hf_id", "description"]


def commands() -> list[str]:
    """Every call of hugflow in any of our pages, in running text and in blocks."""
    pages = [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "requests/README.md", ROOT / "deploy/single/README.md"]
    text = "\n".join(page.read_text() for page in pages).replace("\\\n", " ")
    fenced = "\n".join(re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    shown = re.findall(r"^(?:\$ |.*bin/)?(hugflow [a-z-]+(?: .*)?)$", fenced, re.MULTILINE)
    return sorted({*re.findall(r"`(hugflow [^`\n]+)`", text), *shown})


@pytest.mark.parametrize("line", commands())
def test_every_command_named_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.replace("…", ""))[1:]
    command: Any = get_command(app)
    if words and not words[0].startswith("-"):
        assert words[0] in COMMANDS, f"no command {words[0]}"
        command = command_of(words.pop(0))
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        assert words[0] in command.commands, f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_command_is_in_the_readme() -> None:
    told = set(re.findall(r"`(?:hugflow )?([a-z-]+)[^`]*`", README))
    assert set(COMMANDS) <= told


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
