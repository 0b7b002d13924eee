"""A removal that is not understood withdraws something: what it could mean is known, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugflow_assets.intake import DatasetRequest, FolderSource

ASKED = DatasetRequest(hf_id="org/speech", description="d")
OTHER = DatasetRequest(hf_id="org/other", description="d")


@pytest.mark.parametrize(
    ("name", "text", "concerns_other"),
    [
        ("a.yaml", "hf_id: org/speech\nreson: typo\n", False),
        ("a.yaml", "hf_id: ORG/Speech\n", False),
        ("a.yaml", "hf_id: [org/speech]\nreason: r\n", True),
        ("a.yaml", "hf_id: org/speech\nhf_id: org/other\nreason: r\n", True),
        ("a.yaml", "\x00\x01", True),
        ("a.yaml", "", True),
        ("a.yml.txt", "hf_id: org/speech\nreason: r\n", True),
    ],
)
def test_it_concerns_its_repository_or_where_that_is_unclear_all(
    tmp_path: Path, name: str, text: str, concerns_other: bool
) -> None:
    (tmp_path / "add").mkdir()
    (tmp_path / "remove").mkdir()
    (tmp_path / "remove" / name).write_text(text)
    snapshot = FolderSource(tmp_path).snapshot()
    assert snapshot.problems
    assert [one.path for one in snapshot.might_withdraw(ASKED)] == [f"remove/{name}"]
    assert bool(snapshot.might_withdraw(OTHER)) is concerns_other


def test_a_malformed_add_and_a_readable_removal_concern_nothing(tmp_path: Path) -> None:
    (tmp_path / "add").mkdir()
    (tmp_path / "remove").mkdir()
    (tmp_path / "add/a.yaml").write_text("hf_id: org/speech\n")
    (tmp_path / "remove/a.yaml").write_text("hf_id: org/speech\nreason: r\n")
    (tmp_path / "remove/README.md").write_text("words")
    snapshot = FolderSource(tmp_path).snapshot()
    assert snapshot.unread_removals == ()
