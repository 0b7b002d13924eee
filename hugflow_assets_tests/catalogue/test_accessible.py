"""axe-core finds nothing wrong with the catalogue's pages, in light and dark, wide and as on a phone."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.catalogue import write_site
from hugflow_assets.intake import source_of
from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.datasets_made import wav_bytes
from hugflow_assets_tests.landing.conftest import House, house, hub, repo

__all__ = ["house", "hub", "repo"]

RUN = """axe.run(document, {resultTypes: ["violations"]}).then((found) => {
  const told = document.createElement("pre");
  told.textContent = "AXE:" + JSON.stringify(found.violations.map((one) => [one.id, one.nodes[0].html])) + ":AXE";
  document.body.append(told);
});"""
LOOKS = (("1280,900",), ("500,900", "--blink-settings=preferredColorScheme=0"))


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """axe-core's script, from npm."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("npm is not installed here: no axe-core to be had")
    install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
    try:
        done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not answer: no axe-core to be had")
    script = folder / "node_modules/axe-core/axe.min.js"
    if not script.is_file():
        pytest.skip(f"no axe-core to be had: {done.stderr[-300:]}")
    return script


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed here (Debian: apt-get install chromium)")
    return found


@pytest.fixture
def site(house: House, repo: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages of a landed dataset, of one that failed, and the index."""
    rows = "file_name,text,speaker\n" + "".join(f"{n}.wav,hello number {n},ana\n" for n in range(8))
    repo({"metadata.csv": rows.encode(), **{f"{n}.wav": wav_bytes(0.1 + n / 10) for n in range(8)}})
    house.land()
    for folder in ("add", "remove"):
        (house.folder / "requests" / folder).mkdir(parents=True)
    (house.folder / "requests/add/one.yaml").write_text("hf_id: acme/other\ndescription: Not there.\nowner: ben\n")
    facts = {"code": "repository-not-found", "message": "There is none."}
    house.store.events.append(EventKind.FAILED, "acme__other__rev_main", **facts)
    monkeypatch.setenv("HUGFLOW_PROJECT_DIR", str(house.folder))
    settings = load_settings(storage_root=house.folder / "storage", hugflow_state_dir=house.folder / "state")
    done = write_site(house.folder / "site", source_of(settings).snapshot(), Store.of(settings), settings)
    assert len(done.made) == 2 and done.problems == ()
    return house.folder / "site"


def test_nothing_is_in_the_way_of_anybody(site: Path, axe: Path, chromium: str, tmp_path: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 3
    for page in pages:
        shutil.copy(axe, page.with_name("axe.js"))
        page.with_name("run.js").write_text(RUN)
        scripts = '<script src="axe.js"></script><script src="run.js"></script></body>'
        looked_at = page.with_name("looked-at.html")
        looked_at.write_text(page.read_text().replace("</body>", scripts))
        for size, *options in LOOKS:
            shown = subprocess.run(
                [
                    chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/browser",
                    f"--window-size={size}", *options, "--virtual-time-budget=30000", "--dump-dom", looked_at.as_uri(),
                ],
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            (told,) = re.findall(r"AXE:(.*):AXE", shown.stdout)
            assert json.loads(html.unescape(told)) == [], f"{page.relative_to(site)} at {size}"
