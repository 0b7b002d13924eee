"""Requests from a branch of a git remote, read by blob from a private bare repository; nothing is ever checked out.

A file counts as regular with mode 100644 or 100755: a folder on disk does not ask for the executable bit either, and
the content is only ever read. Symbolic links, submodules and folders are problems.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hugflow_assets.errors import RequestSourceError
from hugflow_assets.intake.git_command import Git, GitFailedError
from hugflow_assets.intake.models import FileCommit, RequestSnapshot
from hugflow_assets.intake.parsed import Parsed
from hugflow_assets.intake.snapshot import (
    FOLDERS,
    Found,
    is_ignored,
    is_misplaced,
    misplaced,
    printable_path,
    refused,
    refused_by_name,
    snapshot_of,
    too_big,
)
from hugflow_assets.intake.yaml_document import MAX_BYTES

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REGULAR = ("100644", "100755")
_MODES = {"120000": "a symbolic link", "160000": "a submodule", "040000": "a folder"}
_BLOBS_AT_ONCE = 200
_SNAPSHOTS_KEPT = 8


class GitSource:
    """A ``RequestSource`` over one branch. Each ``snapshot`` fetches; unchanged files are not read again.

    Every commit ever fetched stays readable by ``at``, force-pushes or not. Several processes may share a cache.

    Args:
        url: the remote: https, ssh or a path on this machine. Never with a token in it: pass ``token``.
        branch: the branch to read.
        cache_dir: a folder of our own; it can be deleted at any time and is fetched again.
        timeout_s: longest time that one git command may take.
        token: sent as a header to the remote alone, over https.
        root: the requests' root inside the branch.
    """

    def __init__(
        self,
        url: str,
        branch: str,
        cache_dir: Path,
        *,
        timeout_s: float = 30,
        token: str | None = None,
        root: str = "requests",
    ) -> None:
        self.branch = branch
        self.root = root.strip("/")
        key = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._cache_dir = cache_dir
        self._repository = cache_dir / f"{key}.git"
        self._git = Git(self._repository, url, timeout_s=timeout_s, token=token)
        self._ref = f"refs/heads/{branch}"
        self._blobs: dict[tuple[str, str], Found] = {}
        self._snapshots: dict[str, RequestSnapshot] = {}
        self._threads = threading.Lock()

    def snapshot(self) -> RequestSnapshot:
        """Everything asked for at the tip of the branch now; the same object as before when the tip did not move.

        Raises:
            RequestSourceError: the remote, the branch or the folder in it cannot be read.
        """
        with self._alone():
            tip = self._fetched_tip()
            try:
                return self._at(tip)
            except GitFailedError:
                # Our copy is damaged (a machine that lost power): it holds nothing that the remote does not.
                shutil.rmtree(self._repository)
                return self._read(self._fetched_tip())

    def at(self, commit: str | None) -> RequestSnapshot:
        """Everything asked for at a commit; None means now. The remote is asked only for a commit we do not hold.

        Raises:
            RequestSourceError: the commit cannot be read.
        """
        if commit is None:
            return self.snapshot()
        if not _COMMIT.fullmatch(commit):
            raise self._unreadable(f"{commit[:60]!r} is not a commit", "Give all 40 hex digits.")
        with self._alone():
            if commit in self._snapshots:
                return self._snapshots[commit]
            self._prepare()
            if not self._holds(commit):
                self._fetch_commit(commit)
            return self._read(commit)

    def commit_of(self, path: str) -> FileCommit | None:
        """The last change of a request file (``add/x.yaml``) on the branch as last fetched; its removal counts too.

        Raises:
            RequestSourceError: the history cannot be read.
        """
        with self._alone():
            self._prepare()
            if not self._holds(self._ref):
                self._fetched_tip()
            wanted = f":(top,literal){self.root}/{path}"
            try:
                said = self._git.run(
                    "log", "-1", "--first-parent", "-m", "--format=%H%x00%an%x00%ae", self._ref, "--", wanted
                )
            except GitFailedError as error:
                raise self._unreadable(str(error), "Delete the cache folder; it is fetched again.") from None
        if not said:
            return None
        commit, author, email = said.decode("utf-8", "replace").rstrip("\n").split("\0")
        return FileCommit(commit=commit, author=author, author_email=email)

    # ---- fetching

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread and one process at a time per cache. The lock ends with its process, so none is left behind."""
        with self._threads:
            try:
                self._cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = os.open(
                    self._repository.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
                )
            except OSError as error:
                raise self._unreadable(
                    f"the cache {self._cache_dir} cannot be used ({os.strerror(error.errno or 0)})",
                    "Check HUGFLOW_STATE_DIR.",
                ) from None
            try:
                self._lock(descriptor)
                yield
            finally:
                os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + 2 * self._git.timeout_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise self._unreadable("another process is still fetching", "The next look tries again.") from None
                time.sleep(0.02)
            except OSError:
                return  # a file system without locks: git's own lock files have to do

    def _prepare(self) -> None:
        if (self._repository / "HEAD").is_file() and (self._repository / "objects").is_dir():
            return
        shutil.rmtree(self._repository, ignore_errors=True)
        try:
            self._git.run("init", "--quiet", "--bare", str(self._repository))
            # Objects that no branch reaches any more belong to runs whose tags name them.
            self._git.run("config", "gc.auto", "0")
            self._git.run("config", "core.hooksPath", "/dev/null")
        except GitFailedError as error:
            raise self._unreadable(str(error), "Check HUGFLOW_STATE_DIR.") from None

    def _fetched_tip(self) -> str:
        self._prepare()
        self._fetch(f"+{self._ref}:{self._ref}")
        try:
            return (
                self._git.run("rev-parse", "--verify", "--end-of-options", f"{self._ref}^{{commit}}").decode().strip()
            )
        except GitFailedError as error:
            raise self._unreadable(str(error), "Check REQUESTS_GIT_BRANCH.") from None

    def _fetch_commit(self, commit: str) -> None:
        try:
            self._fetch(commit)
        except RequestSourceError:
            self._fetch(f"+{self._ref}:{self._ref}")
        if not self._holds(commit):
            raise self._unreadable(
                f"it has no commit {commit}",
                "The commit was removed from the remote; ask for a run at the present one.",
            )

    def _fetch(self, what: str) -> None:
        self._drop_stale_locks()
        arguments = (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--end-of-options",
        )
        try:
            self._git.run(*arguments, self._git.url, what)
        except GitFailedError as error:
            raise self._explained(str(error)) from None

    def _drop_stale_locks(self) -> None:
        """A killed git leaves its lock files, and no git is at work while we hold ours."""
        for stale in (*self._repository.glob("*.lock"), *(self._repository / "refs").rglob("*.lock")):
            stale.unlink(missing_ok=True)

    def _holds(self, commit: str) -> bool:
        try:
            self._git.run("cat-file", "-e", f"{commit}^{{commit}}")
        except GitFailedError:
            return False
        return True

    # ---- reading

    def _read(self, commit: str) -> RequestSnapshot:
        try:
            return self._at(commit)
        except GitFailedError as error:
            raise self._unreadable(str(error), "Delete the cache folder; it is fetched again.") from None

    def _at(self, commit: str) -> RequestSnapshot:
        if commit not in self._snapshots:
            while len(self._snapshots) >= _SNAPSHOTS_KEPT:
                del self._snapshots[next(iter(self._snapshots))]
            self._snapshots[commit] = snapshot_of(self._found(commit), commit=commit)
        return self._snapshots[commit]

    def _found(self, commit: str) -> list[Found]:
        listing = self._git.run("ls-tree", "-z", "-l", "--full-tree", commit, "--", f"{self.root}/")
        below = list(_listed(listing, self.root))
        if not below:
            raise self._unreadable(f"there is no folder {self.root}/ in it", "Check REQUESTS_GIT_BRANCH.")
        parsed = Parsed(None if self._blobs else self._cache_dir)
        every = self._git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", f"{self.root}/")
        # A folder in add/ or remove/ is refused as one.
        astray = [one.path for one in _listed(every, self.root) if one.path.partition("/")[0] not in FOLDERS]
        found = [misplaced(path) for path in astray if is_misplaced(path)]
        for folder in (one for one in below if one.path in FOLDERS):
            if folder.mode != "040000":
                what = _MODES.get(folder.mode, "a file")
                raise self._unreadable(f"{self.root}/{folder.path} is {what}, not a folder", "Make it a folder again.")
            listing = self._git.run("ls-tree", "-z", "-l", "--full-tree", commit, "--", f"{self.root}/{folder.path}/")
            found += self._judged(_listed(listing, f"{self.root}/{folder.path}", folder.path), parsed)
        parsed.keep()
        return found

    def _judged(self, files: Iterable[_Listed], parsed: Parsed) -> Iterator[Found]:
        unread: list[_Listed] = []
        for file in files:
            if is_ignored(file.name):
                continue
            if refusal := _refusal(file):
                yield refusal
            elif known := self._blobs.get((file.path, file.blob)):
                yield known
            else:
                unread.append(file)
        if len(self._blobs) > 4 * (len(unread) + 10_000):
            self._blobs.clear()
        for start in range(0, len(unread), _BLOBS_AT_ONCE):
            some = unread[start : start + _BLOBS_AT_ONCE]
            for file, data in zip(some, self._contents(some), strict=True):
                self._blobs[file.path, file.blob] = found = parsed.judged(file.path, data)
                yield found

    def _contents(self, files: list[_Listed]) -> Iterator[bytes]:
        out = self._git.run("cat-file", "--batch", data="".join(f"{one.blob}\n" for one in files).encode())
        at = 0
        for file in files:
            header, _, _ = out[at : at + 200].partition(b"\n")
            if header.split()[1:2] != [b"blob"]:
                raise GitFailedError(f"the object {file.blob} of {file.path} is missing")
            start = at + len(header) + 1
            at = start + file.size_bytes
            yield out[start:at]
            at += 1

    # ---- errors

    def _explained(self, said: str) -> RequestSourceError:
        lower = said.lower()
        if "couldn't find remote ref" in lower:
            return self._unreadable("the branch does not exist", "Check REQUESTS_GIT_BRANCH.")
        if "dubious ownership" in lower:
            return self._unreadable(
                "the repository belongs to another account",
                "Change its owner, or let git trust it: git config --global --add safe.directory FOLDER.",
            )
        if any(
            sign in lower for sign in ("authentication failed", "could not read username", "permission denied", " 403")
        ):
            return self._unreadable(
                f"access was refused ({said})", "Check GITHUB_TOKEN, or the ssh key of this machine."
            )
        if any(sign in lower for sign in ("not found", "does not appear to be a git repository")):
            return self._unreadable(f"there is no such repository ({said})", "Check REQUESTS_GIT_URL and the token.")
        return self._unreadable(said, "Check the network and REQUESTS_GIT_URL; the next look tries again.")

    def _unreadable(self, why: str, remedy: str) -> RequestSourceError:
        where = f"branch {self.branch} of {self._git.shown_url}"
        return RequestSourceError(
            f"Requests cannot be read from {where}: {why}.", remedy=remedy, url=self._git.shown_url, branch=self.branch
        )


@dataclass(frozen=True)
class _Listed:
    """One line of ``git ls-tree``. ``path`` is relative to the requests' root."""

    path: str
    raw_name: bytes
    mode: str
    blob: str
    size_bytes: int

    @property
    def name(self) -> str:
        return os.fsdecode(self.raw_name)


def _listed(output: bytes, inside: str, folder: str = "") -> Iterator[_Listed]:
    """Reads ``mode SP type SP object SP size TAB path NUL``; ``-z`` leaves the bytes of a path as they are."""
    for line in output.split(b"\0"):
        if not line:
            continue
        facts, _, path = line.partition(b"\t")
        mode, _, blob, size = facts.decode("ascii").split()
        name = path[len(os.fsencode(inside)) + 1 :]
        yield _Listed(printable_path(folder, name), name, mode, blob, int(size) if size != "-" else 0)


def _refusal(file: _Listed) -> Found | None:
    if file.mode not in _REGULAR:
        what = _MODES.get(file.mode, f"an entry of mode {file.mode}")
        return refused(file.path, f"this is {what}; expected a regular file", "put the file itself here")
    try:
        file.raw_name.decode("utf-8")
    except UnicodeDecodeError:
        return refused(file.path, "the file name is not UTF-8", "rename the file")
    return refused_by_name(file.path) or (too_big(file.path, file.size_bytes) if file.size_bytes > MAX_BYTES else None)
