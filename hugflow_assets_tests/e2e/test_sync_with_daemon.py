"""`hugflow sync --ci-mode` beside a running daemon: it asks, waits and reports, and lands nothing itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.datasets_made import text_files
from hugflow_assets_tests.e2e.dagster_dev import DagsterDev

ROOT = Path(__file__).parents[2]


def test_the_daemon_lands_and_the_workflow_tells(tmp_path: Path, hub: LocalHub) -> None:
    root = tmp_path / "project"
    for folder in ("requests/add", "requests/remove"):
        (root / folder).mkdir(parents=True)
    for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    hub.add_repo("org/text", text_files(tmp_path / "text"))
    unset = {"DAGSTER_HOME", "STORAGE_ROOT", "HUGFLOW_STATE_DIR", "REQUESTS_DIR", "HUGFLOW_PROJECT_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HF_ENDPOINT": hub.url, "HUB_RETRIES": "0", "SENSOR_INTERVAL": "5s"}
    dev = DagsterDev(root, environment)
    try:
        dev.wait()
        (root / "requests/add/text.yaml").write_text("hf_id: org/text\ndescription: Text.\n")
        (root / "requests/add/none.yaml").write_text("hf_id: org/none\ndescription: Nothing.\n")
        done = subprocess.run(
            [sys.executable, "-c", "from hugflow_assets.cli import main; main()", "sync", "--ci-mode"],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        dev.stop()
    told = json.loads((root / "results.json").read_text())
    assert (done.returncode, told["mode"]) == (1, "daemon"), done.stdout + done.stderr
    by_path = {one["path"]: one for one in told["results"]}
    assert (by_path["add/text.yaml"]["state"], by_path["add/text.yaml"]["action"]) == ("landed", "land")
    assert by_path["add/none.yaml"]["error_code"] == "hub-not-found"
    assert all(one["run_id"] for one in told["results"])
    assert (root / "datasets/org__text__rev_main/hugflow.json").is_file()
