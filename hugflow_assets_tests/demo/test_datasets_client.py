"""``datasets`` itself against the local Hub, in a process of its own with nothing but HF_ENDPOINT set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.datasets_made import speech_files, text_files, two_config_files

CLIENT = """
import json
from datasets import Audio, get_dataset_config_names, get_dataset_split_names, load_dataset, load_dataset_builder

builder = load_dataset_builder("acme/speech")
speech = load_dataset("acme/speech")["train"].cast_column("audio", Audio(decode=False))
stream = load_dataset("acme/two", "clean", split="test", streaming=True).decode(False)
print(json.dumps({
    "data_files": {split: list(files) for split, files in builder.config.data_files.items()},
    "rows": len(speech),
    "texts": speech["text"][:2],
    "clip": [speech[0]["audio"]["path"], len(speech[0]["audio"]["bytes"])],
    "lines": load_dataset("acme/text", revision="v1", split="train")["text"][:2],
    "configs": get_dataset_config_names("acme/two"),
    "splits": get_dataset_split_names("acme/two", "clean"),
    "streamed": [row["id"] for row in stream],
}))
"""


def test_builders_datasets_and_streams_load(hub: LocalHub, tmp_path: Path) -> None:
    commit = hub.add_repo("acme/speech", speech_files(tmp_path / "speech"))
    hub.tag("acme/text", "v1", hub.add_repo("acme/text", text_files(tmp_path / "text")))
    hub.add_repo("acme/two", two_config_files(tmp_path / "two"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        **{"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"},
    }
    ran = subprocess.run([sys.executable, "-c", CLIENT], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told == {
        "data_files": {
            "train": [f"hf://datasets/acme/speech@{commit}/data/train-0000{n}-of-00002.parquet" for n in (0, 1)],
            "test": [f"hf://datasets/acme/speech@{commit}/data/test-00000-of-00001.parquet"],
        },
        "rows": 8,
        "texts": ["sentence number 0", "sentence number 1"],
        "clip": ["clip_00000.wav", 1644],
        "lines": ["line 0", "line 1"],
        "configs": ["clean", "noisy"],
        "splits": ["train", "test"],
        "streamed": [10, 11, 12],
    }
    assert hub.violations == []
