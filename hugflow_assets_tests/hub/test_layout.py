"""Configs, splits and data files are those that ``load_dataset_builder`` finds on the same repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub.card import read_card
from hugflow_assets.planning.data_files import data_layout

PARQUET = b"PAR1 is all that counts here"


def _card(text: str) -> bytes:
    return f"---\n{text}\n---\n# A card\n".encode()


LAYOUTS: dict[str, dict[str, bytes]] = {
    "shards": {
        "data/train-00000-of-00002.parquet": PARQUET,
        "data/train-00001-of-00002.parquet": PARQUET,
        "data/test.clean-00000-of-00001-abc.parquet": PARQUET,
        "README.md": b"# No block\n",
    },
    "names": {
        "train.parquet": PARQUET,
        "my-test.parquet": PARQUET,
        "valid_1.parquet": PARQUET,
        "other.parquet": PARQUET,
    },
    "folders": {"train/a.parquet": PARQUET, "train/b.parquet": PARQUET, "dev/deep/c.parquet": PARQUET},
    "unnamed": {"b.parquet": PARQUET, "a.parquet": PARQUET, "deep/c.parquet": PARQUET, "config.json": b"{}"},
    "upper": {"Train.parquet": PARQUET, "TEST.parquet": PARQUET},
    "brackets": {"a[1].parquet": PARQUET, "b (2) é.parquet": PARQUET},
    "hidden": {
        "a.parquet": PARQUET,
        ".hidden/b.parquet": PARQUET,
        "__pycache__/c.parquet": PARQUET,
        ".d.parquet": PARQUET,
    },
    "nested": {"sub/train-00000-of-00001.parquet": PARQUET, "sub/eval-00000-of-00001.parquet": PARQUET},
    "mixed": {"a.parquet": PARQUET, "b.parquet": PARQUET, "notes.csv": b"x\n", "notes.pdf": b"x"},
    "configs": {
        "en/train-0.parquet": PARQUET,
        "en/test-0.parquet": PARQUET,
        "de/x.parquet": PARQUET,
        "README.md": _card(
            "configs:\n- config_name: en\n  default: true\n  data_files:\n  - {split: train, path: en/train-*}\n"
            "  - {split: test, path: [en/test-*, en/train-0.parquet]}\n- config_name: de\n  data_files: de/*"
        ),
    },
    "data-dirs": {
        "one/train/a.parquet": PARQUET,
        "one/test/a.parquet": PARQUET,
        "two/x.parquet": PARQUET,
        "README.md": _card(
            'configs:\n- config_name: one\n  data_dir: one\n- config_name: "two"\n  data_dir: two/\n'
            '- config_name: three\n  data_dir: one\n  data_files: "t*/*.parquet"'
        ),
    },
    "lists": {
        "a/1.parquet": PARQUET,
        "a/b/2.parquet": PARQUET,
        "c.parquet": PARQUET,
        "README.md": _card('configs:\n- config_name: default\n  data_files: ["a/**/*.parquet", c.parquet]'),
    },
    "infos": {
        "data/train-00000-of-00001.parquet": PARQUET,
        "README.md": _card(
            "dataset_info:\n  features:\n  - {name: text, dtype: string}\n  splits:\n  - {name: train, num_examples: 7}"
        ),
    },
    "standalone": {
        "x.parquet": PARQUET,
        "y.parquet": PARQUET,
        ".huggingface.yaml": b"configs:\n- config_name: y\n  data_files: y.parquet\n",
        "README.md": _card("license: mit"),
    },
    "csv": {"train.csv": b"a\n", "test.csv": b"a\n", "README.md": b""},
    "tsv": {"data.tsv": b"a\tb\n"},
    "jsonl": {"train.jsonl": b"{}\n", "extra.json": b"{}"},
    "text": {"a.txt": b"a\n"},
    "audio": {
        "train/a.wav": b"",
        "train/metadata.csv": b"file_name\na.wav\n",
        "test/b.wav": b"",
        "test/metadata.csv": b"f\n",
    },
    "images": {"cat/a.png": b"", "dog/b.png": b"", "dog/c.JPG": b""},
    "tar": {"train-000.tar": b"", "train-001.tar": b"", "val.tar": b""},
    "tar-gz": {"x.tar.gz": b""},
}
_ASK = """
import json, sys, datasets
path = lambda url: url.split("@", 1)[1].split("/", 1)[1]
found = {}
for name in sys.argv[1:]:
    configs = datasets.get_dataset_config_names(f"org/{name}")
    builders = {one: datasets.load_dataset_builder(f"org/{name}", one) for one in configs}
    found[name] = [
        [one, [[str(split), [path(url) for url in urls]] for split, urls in builder.config.data_files.items()]]
        for one, builder in builders.items()
    ]
    found[name + " module"] = next(iter(builders.values())).__module__.rpartition(".")[2]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What `datasets` itself finds, asked in a process of its own: it reads HF_ENDPOINT when it is imported."""
    with LocalHub() as hub:
        for name, files in LAYOUTS.items():
            hub.add_repo(f"org/{name}", files)
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path_factory.mktemp("hf"))}
        asked = subprocess.run([sys.executable, "-c", _ASK, *LAYOUTS], env=environment, capture_output=True, text=True)
        assert asked.returncode == 0, asked.stderr[-3000:]
        yield json.loads(asked.stdout)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_is_that_of_load_dataset(loaded: dict[str, Any], name: str) -> None:
    files = LAYOUTS[name]
    card = read_card(files.get("README.md", b""), files.get(".huggingface.yaml", b""))
    found = data_layout(sorted(files), card.data)
    assert [[config.name, [[split, list(paths)] for split, paths in config.splits]] for config in found.configs] == (
        loaded[name]
    )
    assert found.module == loaded[f"{name} module"]


def test_only_the_subset_that_is_asked_for_is_resolved() -> None:
    files = {**LAYOUTS["configs"], "README.md": LAYOUTS["configs"]["README.md"].replace(b"de/*", b"nowhere.parquet")}
    card = read_card(files["README.md"])
    assert "nowhere.parquet" in data_layout(sorted(files), card.data).problem
    found = data_layout(sorted(files), card.data, "en")
    assert [(config.name, len(config.splits)) for config in found.configs] == [("en", 2), ("de", 0)]


@pytest.mark.parametrize(
    ("configs", "told"),
    [
        ("configs: nonsense", "`configs` cannot be read"),
        ("configs:\n- data_files: x.parquet", "config_name"),
        ("configs:\n- config_name: a\n  data_files: {x: y}", "data_files"),
        ("configs:\n- config_name: a\n  data_files: ../../etc/passwd", "outside the repository"),
        ("configs:\n- config_name: a\n  data_files: /etc/passwd", "outside the repository"),
        ("configs:\n- config_name: a\n  data_files: hf://datasets/other/repo/x.parquet", "outside the repository"),
        ("configs:\n- config_name: a\n  data_dir: ../..", "outside the repository"),
        ("configs:\n- config_name: a\n  data_files: missing.parquet", "missing.parquet"),
        ("configs:\n- config_name: a\n  default: true\n- config_name: b\n  default: true", "several default"),
    ],
)
def test_a_card_that_leads_nowhere_says_so(configs: str, told: str) -> None:
    found = data_layout(["x.parquet", "README.md"], read_card(_card(configs)).data)
    assert found.configs == ()
    assert told in found.problem


@pytest.mark.parametrize("paths", [[], ["README.md", ".gitattributes"], ["notes.docx"]])
def test_a_repository_without_data_has_no_layout(paths: list[str]) -> None:
    assert data_layout(paths, {}).problem


@pytest.mark.parametrize("readme", [b"---\na: [\n---\n# Text\n", b"\xff\xfe---\n", b"---\n- list\n---\ntext", b""])
def test_a_broken_card_is_no_end_of_the_world(readme: bytes) -> None:
    card = read_card(readme)
    assert card.data == {}
    assert isinstance(card.text, str)
