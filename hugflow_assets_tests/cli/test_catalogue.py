"""`hugflow catalogue`: the list for scripts, and the site: complete, escaped, silent of what is gated, incremental."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hugflow_assets.catalogue.treemap import squarified
from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.cli.conftest import Project, Ran
from hugflow_assets_tests.datasets_made import clip_rows, write_parquet

HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
SECRET = "only for those who asked"
NAME, GATED = "org__hostile__rev_main", "org__gated__rev_main"


class Page(HTMLParser):
    """The tags of a page, and every address in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture
def site(
    project: Project, hub: LocalHub, run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A hostile dataset, packed and as files, a gated one and one that cannot land; and their site."""
    rows = [{**row, "text": HOSTILE} for row in clip_rows(12)]
    languages = f"language:\n- en\n- {json.dumps(HOSTILE)}\n"
    card = f"---\nlicense: other\nlicense_name: {json.dumps(HOSTILE)}\n{languages}---\n".encode()
    shard = "data/train-00000-of-00001.parquet"
    hub.add_repo("org/hostile", {"README.md": card, shard: write_parquet(tmp_path / "one.parquet", rows)})
    kept = [{**row, "text": SECRET} for row in clip_rows(3)]
    hub.add_repo("org/gated", {shard: write_parquet(tmp_path / "two.parquet", kept)}, gated="auto")
    hub.grant("org/gated", "ana")
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.tokens["hf_anything"] = "ana"
    monkeypatch.setenv("HF_TOKEN", "hf_anything")
    project.add("hostile", "org/hostile", description=json.dumps(HOSTILE), owner="ana", form="packed")
    project.add("gated", "org/gated", owner="=2+3")
    project.add("missing", "org/missing")
    assert run("sync").code == 1
    made = run("catalogue", "--html", tmp_path / "site")
    assert (made.code, made.err) == (0, "") and "3 pages made" in made.out
    return tmp_path / "site"


def test_a_site_shows_what_there_is_and_runs_nothing_that_a_stranger_wrote(
    site: Path, run: Callable[..., Ran], project: Project
) -> None:
    pages = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    assert set(pages) == {"index.html", *(f"d/{one}/index.html" for one in (NAME, GATED, "org__missing__rev_main"))}
    for text in pages.values():
        page = Page(text)
        assert page.tags.count("script") == 1 and page.tags.count("img") == text.count("profile.png")
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
        loaded = [value for name, value in page.attributes if name == "src"]
        assert all(not re.match(r"\w+:|//", address) for address in loaded), "something comes from another server"
        assert [tag for tag in page.tags if tag in ("header", "main", "footer", "h1")] == [
            "header",
            "main",
            "h1",
            "footer",
        ]
    shown = pages[f"d/{NAME}/index.html"]
    clips = re.findall(r'<audio[^>]* src="([^"]+)"', shown)
    assert len(clips) == 5 and all((site / "d" / NAME / clip).read_bytes().startswith(b"RIFF") for clip in clips)
    assert "to_datasets(decode=True)" in shown and "checks" in shown and "landed" in shown
    assert "16,000 Hz" in shown and "&lt;script&gt;" in shown
    assert "repository-not-found" in pages["d/org__missing__rev_main/index.html"] or "failed" in pages["index.html"]
    assert {path.stat().st_mode & 0o777 for path in site.rglob("*") if path.is_file()} == {0o640}
    assert {path.stat().st_mode & 0o777 for path in site.rglob("*") if path.is_dir()} == {0o750}

    assert (site / "d" / NAME / "profile.png").read_bytes().startswith(b"\x89PNG")
    everything = b"".join(path.read_bytes() for path in (site / "d" / GATED).iterdir())
    assert b"clip_0000" not in everything, "the names of a gated dataset's clips"
    assert b"gated" in everything and SECRET.encode() not in everything and b"RIFF" not in everything

    (listed,) = [one for one in json.loads(run("catalogue", "--json").out)["datasets"] if one["name"] == NAME]
    assert (listed["rows"], listed["languages"], listed["owner"]) == (12, ["en", HOSTILE[:40]], "ana")
    lines = {one["name"]: one for one in csv.DictReader(io.StringIO(run("catalogue", "--csv").out))}
    assert lines[GATED]["restricted"] == "gated" and lines[GATED]["owner"] == "'=2+3"
    assert run("catalogue").code == 2 and run("catalogue", "--json", "--csv").code == 2

    past = json.loads(run("history", NAME, "--json").out)
    assert [one["outcome"] for one in past] == ["landed", "checked"] and "12 rows" in past[0]["told"]
    told = run("history").out
    assert "land: failed [" in told or "land: rejected [" in told
    (one,) = json.loads(run("status", "org/hostile", "--json").out)
    assert one["dataset"]["name"] == NAME and one["checks"]["passed"] > 10 and len(one["history"]) == 2
    assert "12 rows" in run("status", NAME).out and run("status", "org__nothing").code == 1

    assert re.search(r"^hugflow_hub_requests_total [1-9]", run("metrics").out, re.MULTILINE)

    inodes = {path: path.stat().st_ino for path in (site / "d" / NAME).iterdir()}
    again = run("catalogue", "--html", site)
    assert "0 pages made, 3 kept" in again.out
    assert {path: path.stat().st_ino for path in (site / "d" / NAME).iterdir()} == inodes
    project.add("hostile", "org/hostile", description="Another one.", owner="ana", form="packed")
    assert "1 pages made, 2 kept" in run("catalogue", "--html", site).out
    assert "Another one." in (site / "d" / NAME / "index.html").read_text()
    assert (site / "d" / NAME / "clip-1.wav").stat().st_ino == inodes[site / "d" / NAME / "clip-1.wav"]
    (project.root / "requests/add/missing.yaml").unlink()
    run("catalogue", "--html", site)
    assert not (site / "d/org__missing__rev_main").exists()
    assert [path.name for path in site.parent.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_is_no_catalogue_is_never_replaced(run: Callable[..., Ran], project: Project) -> None:
    (project.root / "work").mkdir()
    (project.root / "work/thesis.tex").write_text("Chapter 1")
    for folder in ("work", "datasets", "datasets/site", "."):
        assert run("catalogue", "--html", folder).code != 0
    assert (project.root / "work/thesis.tex").read_text() == "Chapter 1"
    assert (
        run("catalogue", "--html", "site").code == 0 and "Nothing is asked for" in Path("site/index.html").read_text()
    )


def test_boxes_fill_the_picture_without_covering_one_another() -> None:
    sizes = [600.0, 300.0, 300.0, 200.0, 100.0, 50.0, 1.0, 0.001]
    boxes = squarified(sizes, 600, 400)
    assert sum(one.width * one.height for one in boxes) == pytest.approx(600 * 400)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(size / sum(sizes) * 600 * 400)
        assert box.x >= -1e-6 and box.x + box.width <= 600 + 1e-6 and box.y + box.height <= 400 + 1e-6
    assert max(max(one.width / one.height, one.height / one.width) for one in boxes[:6]) < 4
    assert squarified([], 600, 400) == []


def test_json_that_looks_like_a_clip_puts_no_file_on_a_page(
    project: Project, hub: LocalHub, run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.wav").write_bytes(b"RIFF of somebody else")
    leads_out = {"path": str(tmp_path / "secret.wav"), "source_path": "x", "tar": None}
    rows = [{"id": 1, "clip": leads_out}, {"id": 2, "clip": {**leads_out, "tar": "../secret.wav", "size": "x"}}]
    hub.add_repo("org/hostile", {"train.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    project.add("hostile", "org/hostile")
    assert run("sync").code == 0
    made = run("catalogue", "--html", tmp_path / "site")
    assert (made.code, made.err) == (0, "")
    page = tmp_path / "site/d" / NAME
    assert not list(page.glob("clip-*")) and "source_path" in (page / "index.html").read_text()
