"""``hugflow demo`` from the outside, and the speech dataset it is about."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

from hugflow_assets.demo.project import DemoProject, demo_requests
from hugflow_assets.demo.speech import LICENSE, speech_repo

DEMO = [sys.executable, "-c", "from hugflow_assets.cli import main; main()", "demo"]


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = speech_repo(tmp_path_factory.mktemp("speech") / "repo")
    return {name: file for name, file in made.items() if isinstance(file, Path)}


def demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, "--folder", str(folder)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


class TestSpeech:
    def test_the_clips_are_really_encoded_in_four_formats(self, repo: dict[str, Path]) -> None:
        formats = set()
        for path, file in repo.items():
            if path.endswith(".parquet"):
                for audio in pq.read_table(file).column("audio").to_pylist():
                    about = soundfile.info(io.BytesIO(audio["bytes"]))
                    formats.add((about.format, Path(audio["path"]).suffix))
                    assert 0.5 < about.duration < 5
        assert formats == {("WAV", ".wav"), ("FLAC", ".flac"), ("OGG", ".ogg"), ("MP3", ".mp3")}

    def test_the_card_names_two_configs_of_two_splits(self, repo: dict[str, Path]) -> None:
        card = yaml.safe_load(repo["README.md"].read_text(encoding="utf-8").split("---")[1])
        assert card["license"] == LICENSE
        assert {one["config_name"]: [f["split"] for f in one["data_files"]] for one in card["configs"]} == {
            "clean": ["train", "test"],
            "noisy": ["train", "test"],
        }

    def test_what_was_made_once_is_kept_and_what_was_cut_off_is_made_again(self, tmp_path: Path) -> None:
        folder = tmp_path / "repo"
        first = {name: Path(str(file)).read_bytes() for name, file in speech_repo(folder).items()}
        assert {name: Path(str(file)).read_bytes() for name, file in speech_repo(folder).items()} == first
        (folder / ".made").unlink()
        (folder / "noisy" / "test-00000-of-00001.parquet").unlink()
        assert speech_repo(folder).keys() == first.keys()


class TestProject:
    def test_its_requests_ask_for_the_dataset(self) -> None:
        asked = {name: yaml.safe_load(text) for name, text in demo_requests().items()}
        assert len(asked) == 2
        assert {one["hf_id"] for one in asked.values()} == {"hugflow/demo-speech"}

    def test_the_users_own_settings_do_not_reach_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("STORAGE_ROOT", "SLACK_WEBHOOK_URL", "HF_TOKEN", "HF_HUB_OFFLINE", "DAGSTER_HOME", "GITHUB_TOKEN"):
            monkeypatch.setenv(name, "/the/users/own")
        environment = DemoProject(tmp_path).environment("http://127.0.0.1:1")
        assert "/the/users/own" not in environment.values()
        assert environment["HF_ENDPOINT"] == "http://127.0.0.1:1"
        assert environment["DAGSTER_HOME"] == str(tmp_path / ".dagster_home")


class TestDemo:
    def test_it_lands_shows_everything_and_has_nothing_to_do_the_second_time(self, tmp_path: Path) -> None:
        first = demo(tmp_path / "demo", SLACK_WEBHOOK_URL="http://127.0.0.1:9/never")
        assert first.returncode == 0, first.stdout + first.stderr
        landed = tmp_path / "demo" / "datasets"
        manifests = {path: path.read_bytes() for path in landed.glob("*/hugflow.json")}
        assert len(manifests) == 2
        for shown in ("repo_accessible", "hashes", "├── audio/", '"sampling_rate": 16000', "dagster dev", "Done in"):
            assert shown in first.stdout
        assert "FAIL" not in first.stdout
        assert "Nothing to do" not in first.stdout

        second = demo(tmp_path / "demo")
        assert second.returncode == 0, second.stdout + second.stderr
        assert "Nothing to do" in second.stdout
        for shown in ("repo_accessible", "├── audio/", '"sampling_rate": 16000'):
            assert shown in second.stdout
        assert {path: path.read_bytes() for path in landed.glob("*/hugflow.json")} == manifests

    def test_a_landing_that_fails_ends_it_with_the_reason(self, tmp_path: Path) -> None:
        folder = tmp_path / "demo"
        broken = folder / "requests" / "add" / "broken.yaml"
        broken.parent.mkdir(parents=True)
        broken.write_text("hf_id: 7\n", encoding="utf-8")
        told = demo(folder)
        assert told.returncode == 3
        assert "error[demo-failed]" in told.stderr
        assert "add/broken.yaml" in told.stderr

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way", encoding="utf-8")
        told = demo(tmp_path / "file")
        assert told.returncode == 3
        assert "error[storage-unusable]" in told.stderr
        assert str(tmp_path / "file") in told.stderr

    def test_served_it_answers_until_it_is_stopped(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [*DEMO, "--serve", "--folder", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "HF_ENDPOINT=" in line)
            url = line.split("HF_ENDPOINT=")[1].split()[0]
            info = json.loads(httpx2.get(f"{url}/api/datasets/hugflow/demo-speech").content)
            assert len(info["siblings"]) == 8
        finally:
            process.send_signal(2)
            process.communicate(timeout=20)
        assert process.returncode == 0
