"""Request files put on a branch of the remote, for review. No working copy is needed, and none is touched."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hugflow_assets.errors import RequestSourceError
from hugflow_assets.intake.git_command import Git, GitFailedError

_REGULAR, _FOLDER = "100644", "040000"
# commit-tree refuses to commit as nobody; a name in the user's own configuration wins.
_SOMEBODY = {"user.name": "Hugflow", "user.email": "hugflow@localhost"}


def push_proposal(
    url: str,
    base: str,
    branch: str,
    changes: Mapping[str, str | None],
    message: str,
    *,
    token: str | None = None,
    timeout_s: float = 60,
) -> str:
    """Push one commit on top of ``base`` to ``branch``, replacing what an earlier proposal left there.

    Args:
        url: the remote; never with a token in it.
        base: the branch that the commit builds on.
        branch: a branch of our own (``hugflow/…``), which is overwritten.
        changes: path in the repository (``requests/add/x.yaml``) -> text, or None to delete the file.
        message: of the commit.
        token: sent as a header to the remote alone, over https.
        timeout_s: longest time that one git command may take.
    Returns:
        The commit, 40 hex digits.
    Raises:
        RequestSourceError: the remote cannot be read or does not take the branch.
    """
    with tempfile.TemporaryDirectory(prefix="hugflow-proposal-") as folder:
        git = Git(Path(folder) / "proposal.git", url, timeout_s=timeout_s, token=token)
        try:
            return _push(git, base, branch, changes, message)
        except GitFailedError as error:
            raise RequestSourceError(
                f"The branch {branch} cannot be pushed to {git.shown_url}: {error}.",
                remedy="Check that REQUESTS_GIT_URL is right and that the token or key may write to it.",
                url=git.shown_url,
            ) from None


def _push(git: Git, base: str, branch: str, changes: Mapping[str, str | None], message: str) -> str:
    git.run("init", "--quiet", "--bare", str(git.repository))
    git.run("config", "core.hooksPath", "/dev/null")
    git.run("fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options", git.url, f"+refs/heads/{base}:refs/base")
    tree = _said(git, "rev-parse", "--verify", "refs/base^{tree}")
    for path, text in sorted(changes.items()):
        blob = None if text is None else _said(git, "hash-object", "-w", "--stdin", data=text.encode())
        tree = _with(git, tree, PurePosixPath(path).parts, blob)
    commit = _said(git, *_identity(git), "commit-tree", tree, "-p", "refs/base", "-F", "-", data=message.encode())
    git.run("push", "--quiet", "--force", "--end-of-options", git.url, f"{commit}:refs/heads/{branch}")
    return commit


def _with(git: Git, tree: str, parts: tuple[str, ...], blob: str | None) -> str:
    """The tree with one file set, or deleted."""
    entries: dict[bytes, tuple[str, str]] = {}
    for line in git.run("ls-tree", "-z", tree).split(b"\0") if tree else ():
        if line:
            facts, _, name = line.partition(b"\t")
            mode, _, object_id = facts.decode("ascii").split()
            entries[name] = mode, object_id
    name = parts[0].encode()
    if len(parts) > 1:
        mode, below = entries.get(name, ("", ""))
        entries[name] = _FOLDER, _with(git, below if mode == _FOLDER else "", parts[1:], blob)
    elif blob is None:
        entries.pop(name, None)
    else:
        entries[name] = _REGULAR, blob
    kinds = {_FOLDER: "tree", "160000": "commit"}
    lines = [
        f"{mode} {kinds.get(mode, 'blob')} {object_id}\t".encode() + one for one, (mode, object_id) in entries.items()
    ]
    return _said(git, "mktree", "-z", "--missing", data=b"".join(line + b"\0" for line in lines))


def _identity(git: Git) -> list[str]:
    """Options that name an author where the user's configuration names none."""
    options: list[str] = []
    for key, value in _SOMEBODY.items():
        try:
            git.run("config", "--get", key)
        except GitFailedError:
            options += ["-c", f"{key}={value}"]
    return options


def _said(git: Git, *arguments: str, data: bytes | None = None) -> str:
    return git.run(*arguments, data=data).decode().strip()
