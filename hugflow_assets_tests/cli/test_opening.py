"""`hugflow path` and `hugflow open`: a landed dataset is found by its name, and what they print works when pasted."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.reading import open_dataset
from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.cli.conftest import SPEECH, Project, Ran


@pytest.fixture
def landed(project: Project, speech_hub: LocalHub, run: Callable[..., Ran]) -> Path:
    project.add("speech", "org/speech")
    assert run("sync").code == 0
    return project.root / "datasets" / SPEECH


def shown(run: Callable[..., Ran]) -> dict[str, str]:
    """What ``hugflow open`` shows, by its titles."""
    out = run("open", "org/speech", "--split", "train").out
    return dict(re.findall(r"^# (.+)\n((?:.+\n?)+)", out, re.MULTILINE))


def printed(code: str) -> list[str]:
    """The lines that code prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_path_prints_the_folder_alone(landed: Path, run: Callable[..., Ran]) -> None:
    for name in ("org/speech", SPEECH):
        assert run("path", name).out == f"{landed}\n"
    missing = run("path", "org/speach")
    assert (missing.code, missing.out) == (1, "")
    assert "error[unknown-dataset]" in missing.err and "org/speech" in missing.err


def test_what_open_prints_runs_as_it_stands(landed: Path, run: Callable[..., Ran]) -> None:
    sections = shown(run)
    assert [title.partition(",")[0] for title in sections] == [
        "Python",
        "datasets",
        "pandas",
        "duckdb",
        "NeMo",
        "Lhotse",
    ]
    rows = printed(sections["Python, rows and absolute paths of the audio"])
    assert rows and all(Path(row.split(" ")[0]).is_file() for row in rows)
    (counted,) = printed(f"{sections['pandas']}\nprint(len(rows))")
    assert int(counted) == len(rows)
    assert Path(sections["NeMo"].partition("=")[2].strip()).is_file()


def test_of_a_packed_dataset_it_says_where_in_which_tar(
    project: Project, speech_hub: LocalHub, run: Callable[..., Ran], tmp_path: Path
) -> None:
    project.add("speech", "org/speech", form="packed")
    assert run("sync").code == 0
    sections = shown(run)
    assert [title.partition(",")[0] for title in sections] == [
        "Python",
        "pandas",
        "duckdb",
        "datasets",
        "NeMo",
        "Lhotse",
    ]
    rows = printed(sections["Python, rows and absolute paths of the audio"])
    for row in rows:
        path, offset, size = row.split(" ")[:3]
        assert Path(path).read_bytes()[int(offset) : int(offset) + int(size)].startswith(b"RIFF")
    nemo = dict(line.split("=") for line in sections["NeMo, with Lhotse's loader"].splitlines())
    for key in ("manifest_filepath", "tarred_audio_filepaths"):
        first = nemo[f"model.train_ds.{key}"].replace("_OP_0..1_CL_", "1")
        assert Path(first).is_file(), first


def test_a_dataset_is_exported_compared_and_staged_by_its_name(
    landed: Path, run: Callable[..., Ran], tmp_path: Path
) -> None:
    written = run("export", "org/speech", "--format", "kaldi", "--to", str(tmp_path / "kaldi"))
    assert written.code == 0 and "no audio copied" in written.out and (tmp_path / "kaldi/train/wav.scp").is_file()
    again = run("export", "org/speech", "--format", "kaldi", "--to", str(tmp_path / "kaldi"))
    assert again.code == 1 and "error[export-refused]" in again.err
    assert run("overlap", "org/speech").code == 0
    assert run("overlap", "org/speech", SPEECH, "--json").out.startswith("[")
    node = str(tmp_path / "node")
    assert run("stage", "org/speech", "--to", node, "--job", "7x", "--splits", "train").out == f"{node}/{SPEECH}\n"
    assert run("path", f"{node}/{SPEECH}").out == f"{node}/{SPEECH}\n"
    assert run("stage", "org/speech", "--to", node, "--job", "7x", "--release").code == 0
    assert not Path(node, SPEECH).exists()


def test_rows_are_withdrawn_by_the_values_in_a_file(landed: Path, run: Callable[..., Ran], tmp_path: Path) -> None:
    rows = [row["id"] for row in open_dataset(landed)]
    (tmp_path / "ids").write_text(f"{rows[0]}\n\n{rows[2]}\n")
    asked = ("withdraw", "org/speech", "--ids", str(tmp_path / "ids"), "--reason", "asked to", "-y")
    wrong = run(*asked, "--column", "speakr")
    assert wrong.code == 1 and "error[withdrawal-refused]" in wrong.err
    assert run(*asked).out == f"{SPEECH}: 2 rows withdrawn, {len(rows) - 2} left\n"
    assert [row["id"] for row in open_dataset(landed)] == [one for one in rows if one not in (rows[0], rows[2])]
    assert run(*asked).out == f"{SPEECH}: 0 rows withdrawn, {len(rows) - 2} left\n"  # asked for again: told once
    told = [one for one in Store.of(load_settings()).events.read() if one.kind is EventKind.WITHDRAWN]
    assert [(one.name, one.data["rows"], one.data["rows_left"]) for one in told] == [(SPEECH, 2, len(rows) - 2)]
    assert run("verify", SPEECH).code == 0 and run("sync").code == 0
    assert len(open_dataset(landed)) == len(rows) - 2
