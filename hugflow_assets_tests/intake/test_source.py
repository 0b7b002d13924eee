"""Which source the settings choose, and what the guide promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hugflow_assets.errors import SettingsError
from hugflow_assets.intake import (
    DatasetRequest,
    FolderSource,
    GitSource,
    Kind,
    RemovalRequest,
    read_request,
    source_of,
    storage_name,
)
from hugflow_assets.settings import load_settings

GUIDE = (Path(__file__).parents[2] / "requests" / "README.md").read_text(encoding="utf-8")


def test_the_folder_is_the_source_unless_a_remote_is_named(tmp_path: Path) -> None:
    folder = source_of(load_settings(requests_dir=tmp_path, requests_git_url=None))
    assert isinstance(folder, FolderSource) and folder.root == tmp_path
    git = source_of(load_settings(requests_git_url="git@example.org:team/data.git", requests_git_branch="prod"))
    assert isinstance(git, GitSource) and git.branch == "prod"


@pytest.mark.parametrize(
    "url",
    ["https://token@github.com/a/b.git", "https://me:token@github.com/a/b.git", "ext::sh -c id", "--upload-pack=x"],
)
def test_a_remote_with_a_token_or_a_command_in_it_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="REQUESTS_GIT_URL") as caught:
        load_settings(requests_git_url=url)
    assert "token@" not in str(caught.value)


@pytest.mark.parametrize("branch", ["-x", "a b", "a..b", "a/", "a:b"])
def test_a_branch_name_that_git_forbids_is_refused(branch: str) -> None:
    with pytest.raises(SettingsError, match="REQUESTS_GIT_BRANCH"):
        load_settings(requests_git_branch=branch)


def test_the_examples_of_the_guide_are_valid_and_land_where_it_says() -> None:
    examples = [one for one in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if "hf_id" in one]
    land, withdraw = (
        read_request(text.encode(), path="README.md", kind=kind) for text, kind in zip(examples, Kind, strict=True)
    )
    assert isinstance(land, DatasetRequest) and isinstance(withdraw, RemovalRequest)
    assert f"`{storage_name(land)}`" in GUIDE
    assert f"`{storage_name(land.model_copy(update={'subset': 'clean', 'split': 'test'}))}`" in GUIDE


def test_the_guide_explains_every_field() -> None:
    for field in {**DatasetRequest.model_fields, **RemovalRequest.model_fields}:
        assert f"`{field}" in GUIDE
