"""docs/ keeps its word: every error is there as the code has it, schemas are those of the code, snippets run."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from hugflow_assets import errors
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.registry import LANDABLE
from hugflow_assets.status.report import State
from hugflow_assets.store import EventKind, Phase, Progress, Store, now_text
from hugflow_assets.store.layout import MANIFEST

ROOT = Path(__file__).parents[1]
DOCS = sorted(
    [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "requests/README.md"],
)
SCHEMA = json.loads((ROOT / "docs/state.schema.json").read_text())


def kinds(kind: type[errors.HugflowError] = errors.HugflowError) -> Iterator[type[errors.HugflowError]]:
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:  # tests may make kinds of their own
            yield below
            yield from kinds(below)


def test_every_error_is_explained_as_the_code_has_it() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    told = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| [^|]+ \| (\d) \| (yes|no) \|$", text, re.MULTILINE)
    assert sorted(told) == sorted(
        (kind.code, str(kind.exit_status), "yes" if kind.transient else "no") for kind in set(kinds())
    )


def test_every_state_of_a_dataset_is_explained() -> None:
    told = (ROOT / "docs/state.md").read_text().partition("## States of a dataset")[2]
    first_cells = "".join(re.findall(r"^\| ([^|]+) \|", told, re.MULTILINE))
    assert re.findall(r"`([a-z-]+)`", first_cells) == [state.value for state in State]


def test_the_schema_of_the_state_is_made_from_the_models() -> None:
    made = runpy.run_path(str(ROOT / ".ci/schemas.py"))["schema_text"]()
    assert (ROOT / "docs/state.schema.json").read_text() == made, "run `make docs`"


def judge(what: str, found: Any) -> None:
    jsonschema.validate(found, {"$ref": f"#/$defs/{what}", "$defs": SCHEMA["$defs"]})


def test_what_the_store_writes_is_as_its_schema_says(tmp_path: Path) -> None:
    store, name = Store(tmp_path / "datasets", tmp_path / "state"), "org__name__rev_main"
    folder = tmp_path / "datasets" / name
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "hugflow_assets_tests/e2e/stored_v1.json", folder / MANIFEST)
    store.progress.write(
        Progress(name=name, phase=Phase.DOWNLOADING, started_at=now_text(), updated_at=now_text(), eta_s=1.5)
    )
    store.rebuild_index()
    judge("Manifest", orjson.loads((folder / MANIFEST).read_bytes()))
    active = orjson.loads((tmp_path / "state/active.json").read_bytes())
    assert list(active["datasets"]) == [name]
    judge("ActiveJson", active)
    judge("Progress", orjson.loads((tmp_path / f"state/progress/{name}.json").read_bytes()))

    with store.leases.take(name, purpose="remove") as lease:
        store.remove(name, reason="not needed", by="ada", removal_path="remove/x.yaml", lease=lease)
    archived = orjson.loads((tmp_path / "state/archived.json").read_bytes())
    assert [one["reason"] for one in archived["removed"]] == ["not needed"]
    judge("ArchivedJson", archived)
    (entry,) = (tmp_path / "datasets/.hugflow/trash").glob("*.json")
    judge("TrashEntry", orjson.loads(entry.read_bytes()))
    store.events.append(EventKind.REMOVED, name, reason="not needed")
    lines = [line for log in (tmp_path / "datasets/.hugflow/events").glob("*.jsonl") for line in log.open("rb")]
    assert lines
    for line in lines:
        judge("Event", orjson.loads(line))


@pytest.mark.parametrize("what", ["Manifest", "ActiveJson", "ArchivedJson", "Progress", "Event", "TrashEntry"])
def test_the_keys_that_the_page_names_exist(what: str) -> None:
    text = (ROOT / "docs/state.md").read_text()
    (cell,) = re.findall(rf"^\| `[^`]+` \| `{what}` \| (.*) \|$", text, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", cell))
    every = {key for one in SCHEMA["$defs"].values() for key in one.get("properties", {})}
    assert named
    assert named <= every


@pytest.mark.parametrize("kind", [EventKind, Phase])
def test_every_kind_of_event_and_every_phase_is_on_the_page(kind: type[EventKind] | type[Phase]) -> None:
    text = (ROOT / "docs/state.md").read_text()
    assert all(re.search(rf"\b{one.value}\b", text) for one in kind)


def test_every_shape_that_is_recognised_has_a_reader() -> None:
    assert frozenset(Shape) - {Shape.UNSUPPORTED} == LANDABLE


def anchors(file: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("file", DOCS, ids=lambda one: str(one.relative_to(ROOT)))
def test_every_local_link_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", file.read_text()):
        path, _, anchor = target.partition("#")
        place = file.parent / path if path else file
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def snippets() -> list[str]:
    text = (ROOT / "docs/opening.md").read_text()
    return re.findall(r"\(tested\):\n\n```python\n(.*?)```", text, re.DOTALL)


def test_the_readme_opens_a_dataset_as_the_tested_snippets_do() -> None:
    (shown,) = re.findall(r"^```python\n(.*?)```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    tested = {line.split(" = ")[1] for text in snippets() for line in text.splitlines() if line.startswith("rows =")}
    assert {line.split(" = ")[1].split("#")[0].rstrip() for line in shown.splitlines() if " = " in line} == tested


def test_the_snippets_that_are_called_tested_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "json").mkdir()
    row = {"id": "103_1240_0000", "audio": {"path": "audio/train/00000/a.wav", "duration": 1.5}, "text": "één"}
    (tmp_path / "json/train.jsonl").write_bytes(orjson.dumps(row) + b"\n")
    found = []
    for text in snippets():
        names: dict[str, Any] = {"folder": str(tmp_path)}
        exec(text, names)  # our own page
        found.append(names)
    by_pandas, by_datasets = found
    assert by_pandas["rows"]["text"].tolist() == ["één"]
    assert by_pandas["rows"]["id"].tolist() == ["103_1240_0000"]
    assert by_datasets["rows"]["train"]["text"][:] == ["één"]
    assert by_datasets["path"] == f"{tmp_path}/audio/train/00000/a.wav"


def test_every_place_that_the_map_names_is_there() -> None:
    """docs/architecture.md and CONTRIBUTING.md send people to files and rooms: each exists, and no room is left out."""
    text = (ROOT / "docs/architecture.md").read_text()
    for path in re.findall(r"`(hugflow_assets(?:_tests)?/[\w./]+)`", text + (ROOT / "CONTRIBUTING.md").read_text()):
        assert (ROOT / path).exists(), path
    starts = re.findall(r"^\| [^|]+ \| `hugflow_assets/[\w/]+\.py` \|$", text, re.MULTILINE)
    assert len(starts) >= 20
    rooms = {path.parent.name for path in (ROOT / "hugflow_assets").glob("*/__init__.py")}
    described = set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE))
    assert rooms <= described, f"not on the map: {rooms - described}"


def test_every_threat_has_a_test_that_is_there() -> None:
    tables = (ROOT / "docs/threats.md").read_text().split("| tries | what holds | test |\n|---|---|---|\n")[1:]
    rows = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(tables) >= 6 and len(rows) >= 30
    for row in rows:
        (told,) = re.findall(r"\| `(hugflow_assets_tests/[\w/]+\.py)::(test_\w+)` \|$", row) or [("", row)]
        path, name = told
        assert path and re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), row
