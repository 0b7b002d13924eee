"""Dagster's own state in PostgreSQL: what is asked for lands, and a restart of the server between loses nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.datasets_made import text_files
from hugflow_assets_tests.e2e.dagster_dev import DagsterDev
from hugflow_assets_tests.polling import poll

ROOT = Path(__file__).parents[2]


def postgres(*arguments: object) -> subprocess.CompletedProcess[str]:
    # Into a file: the server that it starts keeps what it is given open.
    with tempfile.TemporaryFile("w+") as told:
        done = subprocess.run(
            [ROOT / ".ci/postgres", *map(str, arguments)], stdout=told, stderr=told, text=True, check=False
        )
        told.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, told.read())


@pytest.fixture
def server() -> Iterator[Path]:
    """The folder of a running server."""
    if find_spec("dagster_postgres") is None:
        pytest.skip("dagster-postgres is not installed: pip install 'hugflow[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="hugflow-pg-"))  # a socket's path is short
    folder.chmod(0o755)
    done = postgres("start", folder)
    if done.returncode == 3:
        shutil.rmtree(folder)
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout
    yield folder
    postgres("stop", folder, "immediate")
    shutil.rmtree(folder)


def test_what_is_asked_for_lands_though_the_server_is_restarted(tmp_path: Path, hub: LocalHub, server: Path) -> None:
    root = tmp_path / "project"
    for part in ("requests/add", "requests/remove"):
        (root / part).mkdir(parents=True)
    for name in ("workspace.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    for name in ("one", "two"):
        hub.add_repo(f"org/{name}", text_files(tmp_path / name))
    unset = {"STORAGE_ROOT", "HUGFLOW_STATE_DIR", "REQUESTS_DIR", "HUGFLOW_PROJECT_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HF_ENDPOINT": hub.url, "HUB_RETRIES": "0", "SENSOR_INTERVAL": "5s"}
    dev = DagsterDev(root, environment | {"DAGSTER_HOME": str(server / "home")})

    def landed(name: str) -> bool:
        assert dev.process.poll() is None, dev.log.read_text()[-3000:]
        return (root / f"datasets/org__{name}__rev_main/hugflow.json").is_file()

    def succeeded() -> int:
        try:
            found = dev.ask("{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
        except HTTPError:  # the first question after a restart finds its connection gone
            return 0
        return sum(run["status"] == "SUCCESS" for run in found)

    try:
        dev.wait()
        (root / "requests/add/one.yaml").write_text("hf_id: org/one\ndescription: Text.\n")
        poll(lambda: landed("one"), within_s=120)
        poll(lambda: succeeded() == 1, within_s=60)
        assert postgres("stop", server, "immediate").returncode == 0  # as a crash: it recovers from its own log
        (root / "requests/add/two.yaml").write_text("hf_id: org/two\ndescription: Text.\n")
        assert postgres("start", server).returncode == 0
        poll(lambda: landed("two"), within_s=120)
        poll(lambda: succeeded() == 2, within_s=60)
    finally:
        dev.stop()
    rows = subprocess.run(
        ["psql", "-h", server / "server", "-U", "dagster", "-tAc", "SELECT count(*) FROM runs", "dagster"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(rows.stdout) == 2  # each once: nothing was lost, and nothing done again
