"""Every Dagster home that we make or use has our defaults, once, and no command of ours prints Dagster's notices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hugflow_assets.dagster_home import home_config, project_config, write_config
from hugflow_assets.settings import Settings, variable_of

ROOT = Path(__file__).parents[1]


def test_the_repositorys_own_file_is_what_a_project_gets() -> None:
    assert (ROOT / "dagster.yaml").read_text() == project_config()
    assert yaml.safe_load(home_config())["telemetry"] == {"enabled": False}


def test_a_home_gets_it_once_and_what_is_changed_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert write_config(tmp_path) == tmp_path / "home/dagster.yaml"
    (tmp_path / "home/dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    assert write_config(tmp_path) is None
    assert yaml.safe_load((tmp_path / "home/dagster.yaml").read_text()) == {"telemetry": {"enabled": True}}


@pytest.mark.parametrize("own", [None, "python_logs:\n  python_log_level: INFO\n"])
def test_a_sync_with_a_home_of_ones_own_prints_nothing_of_dagsters(tmp_path: Path, own: str | None) -> None:
    home = tmp_path / "home"
    home.mkdir()
    if own is not None:
        (home / "dagster.yaml").write_text(own)
    (tmp_path / "requests/add").mkdir(parents=True)
    (tmp_path / "requests/add/x.yaml").write_text("hf_id: org/x\ndescription: X.\n")
    ours = {variable_of(field) for field in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"DAGSTER_HOME": str(home), "HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", "from hugflow_assets.cli import main; main()", "sync"],
        cwd=tmp_path,
        env=environment | {"HUB_RETRIES": "0", "HUGFLOW_PROJECT_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3 and "hub-unreachable" in done.stderr
    assert "elemetry" not in done.stdout + done.stderr
    assert (home / "dagster.yaml").read_text() == (own or home_config())
