"""A pull request for a branch, opened once however often it is asked for."""

from __future__ import annotations

from hugflow_assets.errors import DeliveryError
from hugflow_assets.notify.github.client import GitHub


def open_pull(github: GitHub, *, base: str, branch: str, title: str, body: str) -> str:
    """The address of the open pull request of ``branch``; opened if there is none yet.

    A call that failed may have succeeded all the same (GitHub stores, then answers 502), so it is looked for before it
    is given up.

    Raises:
        DeliveryError: GitHub did not take it.
    """
    if found := _open(github, base, branch):
        return found
    try:
        with github.errors(f"pull request for {branch}"):
            return github.repo.create_pull(base=base, head=branch, title=title, body=body).html_url
    except DeliveryError:
        if found := _open(github, base, branch):
            return found
        raise


def _open(github: GitHub, base: str, branch: str) -> str | None:
    with github.errors(f"looking for a pull request of {branch}"):
        owner = github.repo.owner.login
        for pull in github.repo.get_pulls(state="open", base=base, head=f"{owner}:{branch}"):
            if pull.head.ref == branch:  # the filter is a wish: some servers pass it over
                return pull.html_url
    return None
