"""Which source of requests the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hugflow_assets.intake.folder import FolderSource
from hugflow_assets.intake.git_branch import GitSource
from hugflow_assets.intake.models import RequestSource

if TYPE_CHECKING:
    from hugflow_assets.settings import Settings


def source_of(settings: Settings) -> RequestSource:
    """The branch named by ``REQUESTS_GIT_URL``, or else the folder ``REQUESTS_DIR``."""
    if settings.requests_git_url is None:
        return FolderSource(settings.requests_dir, kept_in=settings.hugflow_state_dir)
    return GitSource(
        settings.requests_git_url,
        settings.requests_git_branch,
        settings.hugflow_state_dir / "requests-git",
        timeout_s=settings.read_timeout.total_seconds(),
        token=settings.github_token.get_secret_value() if settings.github_token else None,
    )
