"""docs/first-dataset.md, every line of it, as a newcomer would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.datasets_made import wav_bytes, write_parquet

PAGE = Path(__file__).parents[1] / "docs/first-dataset.md"
TEXT = {"dtype": "string", "_type": "Value"}
FEATURES = {"path": TEXT, "audio": {"sampling_rate": 8000, "_type": "Audio"}, "transcription": TEXT}
CARD = b"""---
license: cc-by-4.0
configs:
- config_name: en-US
  data_files:
  - split: train
    path: en-US/train-*.parquet
---
# MInDS-14
"""


def script() -> str:
    """The page as one script: its commands in order, its Python written to the file that it names."""
    parts = []
    for kind, block in re.findall(r"^```(sh|python)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        name = block.partition("\n")[0].removeprefix("# ")
        parts.append(block if kind == "sh" else f"cat > {name} <<'END-OF-FILE'\n{block}END-OF-FILE\n")
    return "".join(parts)


def test_every_line_of_the_page_runs_to_a_training_batch(hub: LocalHub, tmp_path: Path) -> None:
    rows = [
        {
            "path": f"en-US~CARD/{n}.wav",
            "audio": {"bytes": wav_bytes(0.1 + n / 100, hz=200 + n), "path": f"{n}.wav"},
            "transcription": f"question {n}",
        }
        for n in range(12)
    ]
    shard = write_parquet(tmp_path / "train.parquet", rows, FEATURES)
    hub.add_repo("PolyAI/minds14", {"README.md": CARD, "en-US/train-00000-of-00001.parquet": shard})
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone/.venv").symlink_to(sys.prefix)
    ours = re.compile(r"HUGFLOW|STORAGE|REQUESTS|HF_|DAGSTER|GITHUB|SLACK")
    env = {key: value for key, value in os.environ.items() if not ours.match(key)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script()],
        cwd=tmp_path / "clone",
        env=env | {"HF_ENDPOINT": hub.url, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hf_id: PolyAI/minds14" in done.stdout and "subset: en-US" in done.stdout
    assert re.search(r"hours under cc-by-4.0 at commit [0-9a-f]{8}", done.stdout)
    assert re.search(r"a batch of \(8, \d+\) question \d+", done.stdout)
