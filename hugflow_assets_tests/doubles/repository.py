"""A GitHub whose repository is a real git repository on disk: branches, trees, blobs, merges are git's own."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hugflow_assets_tests.doubles.github import GitHubDouble, _only
from hugflow_assets_tests.doubles.serving import Answer, RefusalError, Request

_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


class RepositoryDouble(GitHubDouble):
    """``remote`` is the bare repository, ``work`` one person's clone of it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(**options)
        self.remote, self.work = folder / "remote.git", folder / "work"
        folder.mkdir(parents=True)
        self.merges: dict[str, int] = {}
        self.owners = "* @org/data\n/requests/ @carol @org/stewards\n"
        self.teams = {"org/stewards": {"dave"}}
        self.git("init", "-q", "--bare", "-b", "main", str(self.remote), at=folder)
        self.git("clone", "-q", str(self.remote), str(self.work), at=folder)
        self.git("checkout", "-q", "-b", "main", at=self.work)
        self.commit_file("requests/README.md", "The guide.\n")

    # ---- what people do

    def git(self, *arguments: str, at: Path | None = None) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.remote, env=kept | _ENVIRONMENT, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def commit_file(self, path: str, text: str | None, *, branch: str = "main", mode: str = "100644") -> str:
        """Commit one file (None deletes it) to a branch, which begins at main."""
        return self.commit_files({path: text}, branch=branch, mode=mode)

    def commit_files(
        self, files: dict[str, str | None], *, branch: str = "main", mode: str = "100644", author: str = "Ada"
    ) -> str:
        known = self.git("branch", "--list", branch)
        self.git("fetch", "-q", "origin", at=self.work)
        start = f"origin/{branch}" if known else "origin/main"
        if known or self.git("branch", "--list", "main"):
            self.git("checkout", "-q", "-B", branch, start, at=self.work)
        for path, text in files.items():
            file = self.work / path
            if text is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            if mode == "120000":
                file.symlink_to(text)
            else:
                file.write_text(text)
                file.chmod(0o755 if mode == "100755" else 0o644)
        self.git("add", "-A", at=self.work)
        self.git("commit", "-q", "-m", f"Change {', '.join(files)}", f"--author={author} <a@example.org>", at=self.work)
        self.git("push", "-q", "--force", "origin", f"HEAD:{branch}", at=self.work)
        self.refresh()
        return self.git("rev-parse", branch)

    def propose(self, branch: str, *, author: str = "ada", title: str = "A request", base: str = "main") -> int:
        """Open a pull request for a branch; its number."""
        number = max(self.pulls, default=0) + 1
        head = self.git("rev-parse", branch)
        repo = f"{self.url}/repos/{self.repository}"
        self.open_pull(
            number, head=head, author=author, title=title, html_url=f"{repo}/pull/{number}", merged=False,
            merge_commit_sha=None, merged_at=None,
        )  # fmt: skip
        self.pulls[number]["head"] = {"ref": branch, "sha": head, "repo": {"full_name": self.repository}}
        self.pulls[number]["base"] = {"ref": base, "sha": self.git("rev-parse", base)}
        self.refresh()
        return number

    def open_many(self, proposals: Mapping[str, Mapping[str, str]], *, author: str = "ada") -> list[int]:
        """Open a pull request a branch, each with some new files, as fast as git can; their numbers."""
        tip, script = self.git("rev-parse", "main"), []
        for branch, files in proposals.items():
            script += [f"commit refs/heads/{branch}", "committer Ada <ada@example.org> 1900000000 +0000"]
            script += ["data 1", "x", f"from {tip}"]
            for path, text in files.items():
                script += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
            script.append("")
        done = subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=self.remote, input="\n".join(script).encode(), capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        heads = dict(
            line.split()[::-1]
            for line in self.git("for-each-ref", "--format=%(objectname) %(refname:short)", "refs/heads").splitlines()
        )
        first = max(self.pulls, default=0) + 1
        for number, (branch, files) in enumerate(proposals.items(), first):
            self.open_pull(
                number, head=heads[branch], author=author, merged=False, merge_commit_sha=None, merged_at=None
            )
            self.pulls[number]["head"] = {"ref": branch, "sha": heads[branch], "repo": {"full_name": self.repository}}
            self.pulls[number]["base"] = {"ref": "main", "sha": tip}
            self.pulls[number]["changed_files"] = len(files)
            self.files[number] = [{"filename": path, "status": "added"} for path in files]
        return list(range(first, first + len(proposals)))

    def refresh(self) -> None:
        """Heads and changed files of the open pull requests, as the branches are now."""
        for number, pull in self.pulls.items():
            if pull["state"] != "open" or not self.git("branch", "--list", pull["head"]["ref"]):
                continue
            head = self.git("rev-parse", pull["head"]["ref"])
            if head != pull["head"]["sha"]:
                pull["head"]["sha"] = head
                self._touch(number)
            base = self.git("merge-base", pull["base"]["ref"], head)
            changed = self.git("diff", "--raw", "-z", "-M", "--no-abbrev", base, head).split("\0")
            self.files[number] = list(_changed(changed))
            pull["changed_files"] = len(self.files[number])

    def merge(self, number: int, *, how: str = "merge") -> str:
        """Merge as GitHub's button does: ``merge``, ``squash`` or ``rebase``; the commit on main."""
        pull = self.pulls[number]
        head = pull["head"]["sha"]
        self.git("fetch", "-q", "origin", at=self.work)
        self.git("checkout", "-q", "-B", "main", "origin/main", at=self.work)
        if how == "merge":
            self.git("merge", "-q", "--no-ff", "-m", f"Merge pull request #{number}", head, at=self.work)
        elif how == "squash":
            self.git("merge", "-q", "--squash", head, at=self.work)
            self.git("commit", "-q", "-m", f"{pull.get('title')} (#{number})", at=self.work)
        else:
            self.git("rebase", "-q", "--onto", "main", self.git("merge-base", "main", head), head, at=self.work)
            self.git("checkout", "-q", "-B", "main", "HEAD", at=self.work)
        self.git("push", "-q", "origin", "main", at=self.work)
        commit = self.git("rev-parse", "main")
        for one in self.git("rev-list", f"{pull['base']['sha']}..{commit}").splitlines():
            self.merges[one] = number
        self.merges[head] = number
        pull.update(state="closed", merged=True, merged_at="2030-01-01T00:00:00Z", merge_commit_sha=commit)
        self.merged.append((number, head))
        self._touch(number)
        self.refresh()
        return commit

    def change_base(self, number: int, branch: str) -> None:
        super().change_base(number, branch)
        self.refresh()

    # ---- what the API says

    def _routes(self) -> list[tuple[str, str, Any]]:
        repo = f"/repos/{re.escape(self.repository)}"
        return [
            ("POST", f"{repo}/pulls", self._create_pull),
            ("GET", f"{repo}/git/trees/([0-9a-f]{{40}})", self._tree),
            ("GET", f"{repo}/git/blobs/([0-9a-f]{{40}})", self._blob),
            ("GET", f"{repo}/commits/([0-9a-f]{{40}})/pulls", self._pulls_of),
            *super()._routes(),
        ]

    def _merge(self, request: Request, number: str) -> dict[str, Any]:
        _only(request.body, {"commit_message", "commit_title", "merge_method", "sha"})
        self._check_merge(request, number)
        return {"merged": True, "sha": self.merge(int(number)), "message": "Pull Request successfully merged"}

    def _create_pull(self, request: Request) -> dict[str, Any]:
        _only(request.body, {"base", "head", "title", "body"})
        if any(one["head"]["ref"] == request.body["head"] and one["state"] == "open" for one in self.pulls.values()):
            raise RefusalError(422, {"message": "A pull request already exists"})
        return self.pulls[self.propose(request.body["head"], author=self.login, title=request.body["title"])]

    def _tree(self, request: Request, tree: str) -> dict[str, Any]:
        rows = []
        for line in self.git(
            "ls-tree", "-z", "-l", "-t", *(["-r"] if "recursive" in request.query else []), tree
        ).split("\0"):
            if line:
                facts, _, path = line.partition("\t")
                mode, kind, sha, size = facts.split()
                rows.append(
                    {"path": path, "mode": mode, "type": kind, "sha": sha}
                    | ({"size": int(size)} if size != "-" else {})
                )
        return {"sha": tree, "tree": rows, "truncated": False}

    def _blob(self, request: Request, blob: str) -> dict[str, Any]:
        done = subprocess.run(["git", "cat-file", "blob", blob], cwd=self.remote, capture_output=True, check=False)
        if done.returncode:
            raise RefusalError(404, {"message": "Not Found"})
        return {
            "sha": blob, "size": len(done.stdout), "encoding": "base64",
            "content": base64.encodebytes(done.stdout).decode(),
        }  # fmt: skip

    def _pulls_of(self, request: Request, commit: str) -> Answer:
        return self._page(request, [self.pulls[self.merges[commit]]] if commit in self.merges else [])

    def _compare(self, request: Request, base: str, head: str) -> dict[str, Any]:
        return {"merge_base_commit": self._commit(self.git("merge-base", base, head)), "files": [], "commits": []}

    def _commit(self, sha: str) -> dict[str, Any]:
        return super()._commit(sha) | {"html_url": f"{self.url}/{self.repository}/commit/{sha}"}


def _changed(raw: list[str]) -> Any:
    """Reads ``git diff --raw -z``."""
    words = iter(raw)
    states = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "modified"}
    for word in words:
        if not word:
            continue
        facts = word.lstrip(":").split()
        state = states[facts[4][0]]
        path = next(words)
        row = {"filename": path, "status": state, "sha": facts[3]}
        if state == "renamed":
            row |= {"previous_filename": path, "filename": next(words)}
        yield row
