"""Requests from a branch of a real remote on disk, and over http with a token."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hugflow_assets.errors import RequestSourceError
from hugflow_assets.intake import FolderSource, GitSource, RequestSource

CANARY = "ghp_CanaryCanaryCanary"


class Team:
    """A remote on disk and one person's working copy of it."""

    def __init__(self, folder: Path) -> None:
        self.remote, self.work = folder / "remote.git", folder / "work"
        self.git("init", "-q", "--bare", "-b", "main", str(self.remote), at=folder)
        self.git("clone", "-q", str(self.remote), str(self.work), at=folder)
        self.git("checkout", "-q", "-b", "main")
        self.write("README.md", "The guide.", folder="")
        self.push("Begin")

    def git(self, *arguments: str, at: Path | None = None) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.work, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str, folder: str = "add/") -> None:
        path = self.work / "requests" / f"{folder}{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, message: str, *options: str) -> str:
        commit = self.commit(message)
        self.git("push", "-q", *options, "origin", "HEAD:main")
        return commit


def request(hf_id: str) -> str:
    return f"hf_id: {hf_id}\ndescription: Speech.\n"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def source(team: Team, tmp_path: Path) -> GitSource:
    return GitSource(str(team.remote), "main", tmp_path / "cache", timeout_s=20)


def names(source: RequestSource) -> list[str]:
    return [one.name for one in source.snapshot().adds]


def test_the_branch_says_the_same_as_a_folder_with_its_files(team: Team, source: GitSource) -> None:
    team.write("x.yaml", request("a/b"))
    team.write("bad.yaml", "hf_id: a\n")
    team.write("x.yaml", "hf_id: c/d\nreason: Gone.\n", folder="remove/")
    team.write("typo.yaml.txt", "")
    team.write("lost.yaml", "", folder="")
    commit = team.push("Ask")
    snapshot = source.snapshot()
    assert snapshot.commit == commit
    assert snapshot.model_copy(update={"commit": None}) == FolderSource(team.work / "requests").snapshot()
    assert source.snapshot() is snapshot


def test_a_commit_is_read_as_it_was(team: Team, source: GitSource) -> None:
    team.write("x.yaml", request("a/b"))
    first = team.push("Ask")
    team.write("x.yaml", request("a/c"))
    second = team.push("Ask otherwise")
    assert names(source) == ["a__c__rev_main"]
    assert [one.name for one in source.at(first).adds] == ["a__b__rev_main"]
    assert source.at(first).commit == first and source.at(None).commit == second
    fresh = GitSource(str(team.remote), "main", source._cache_dir.with_name("other"))
    assert [one.name for one in fresh.at(first).adds] == ["a__b__rev_main"]
    with pytest.raises(RequestSourceError, match="has no commit"):
        source.at("f" * 40)
    with pytest.raises(RequestSourceError, match="not a commit"):
        source.at("--output=/tmp/x")


def test_merge_squash_and_rebase_all_arrive_with_their_commit(team: Team, source: GitSource) -> None:
    team.git("checkout", "-q", "-b", "topic")
    team.write("merged.yaml", request("a/merged"))
    team.commit("On the topic")
    team.git("checkout", "-q", "main")
    team.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    merge = team.git("rev-parse", "HEAD")
    team.git("checkout", "-q", "-b", "squashed")
    team.write("squashed.yaml", request("a/squashed"))
    team.commit("One")
    team.git("checkout", "-q", "main")
    team.git("merge", "-q", "--squash", "squashed")
    squash = team.commit("Squash")
    team.git("checkout", "-q", "-b", "rebased", "main~1")
    team.write("rebased.yaml", request("a/rebased"))
    team.commit("Two")
    team.git("rebase", "-q", "main")
    rebase = team.git("rev-parse", "HEAD")
    team.git("push", "-q", "origin", "HEAD:main")
    assert names(source) == ["a__merged__rev_main", "a__rebased__rev_main", "a__squashed__rev_main"]
    found = {stem: source.commit_of(f"add/{stem}.yaml") for stem in ("merged", "squashed", "rebased")}
    assert {stem: one and one.commit for stem, one in found.items()} == {
        "merged": merge,
        "squashed": squash,
        "rebased": rebase,
    }
    assert found["merged"] and found["merged"].author == "Ada" and found["merged"].author_email == "ada@example.org"
    assert source.commit_of("add/never.yaml") is None


def test_a_force_push_is_survived_and_what_it_dropped_stays_readable(team: Team, source: GitSource) -> None:
    team.write("x.yaml", request("a/b"))
    dropped = team.push("Ask")
    before = source.snapshot()
    team.git("reset", "-q", "--hard", "HEAD~1")
    team.write("y.yaml", request("a/y"))
    team.push("Another past", "--force")
    assert names(source) == ["a__y__rev_main"]
    assert source.at(dropped) == before
    team.git("reflog", "expire", "--expire=now", "--all", at=team.remote)
    team.git("gc", "-q", "--prune=now", at=team.remote)
    assert GitSource(str(team.remote), "main", source._cache_dir).at(dropped) == before


def test_a_rename_and_the_revert_of_a_revert_change_what_they_say(team: Team, source: GitSource) -> None:
    team.write("x.yaml", request("a/b"))
    team.push("Ask")
    asked = source.snapshot()
    team.git("mv", "requests/add/x.yaml", "requests/add/y.yaml")
    team.push("Rename")
    renamed = source.snapshot()
    assert names(source) == ["a__b__rev_main"] and renamed.digest != asked.digest
    team.git("revert", "--no-edit", "HEAD~1..HEAD")
    team.git("push", "-q", "origin", "HEAD:main")
    assert source.snapshot().digest == asked.digest
    team.git("rm", "-q", "requests/add/x.yaml")
    removal = team.push("Withdraw")
    assert names(source) == []
    gone = source.commit_of("add/x.yaml")
    assert gone and gone.commit == removal
    team.git("revert", "--no-edit", "HEAD")
    team.git("push", "-q", "origin", "HEAD:main")
    assert source.snapshot().adds == asked.adds


def test_odd_files_are_told_and_the_others_go_on(team: Team, source: GitSource) -> None:
    add = team.work / "requests" / "add"
    team.write("good.yaml", request("a/good"))
    team.write('it\'s "so" b.yaml', request("a/quoted"))
    team.write("größe.yaml", request("a/unicode"))
    team.write("run.yaml", request("a/executable"))
    (add / "run.yaml").chmod(0o755)
    (add / "link.yaml").symlink_to("/etc/passwd")
    team.write("deep/x.yaml", request("a/deep"))
    team.write("huge.yaml", "#" * 100_000)
    team.write("new\nline.yaml", request("a/line"))
    Path(os.fsdecode(os.fsencode(add) + b"/\xff.yaml")).write_text(request("a/latin"))
    team.push("Odd")
    snapshot = source.snapshot()
    assert {one.path for one in snapshot.adds} == {
        "add/good.yaml",
        'add/it\'s "so" b.yaml',
        "add/größe.yaml",
        "add/run.yaml",
    }
    told = {one.path: one.message for one in snapshot.problems}
    assert "symbolic link" in told["add/link.yaml"]
    assert "folder" in told["add/deep"]
    assert "100,000 bytes" in told["add/huge.yaml"]
    assert "control character" in told["add/new\\nline.yaml"]
    assert "not UTF-8" in told["add/\\xff.yaml"]
    assert len(told) == 5
    assert source.commit_of('add/it\'s "so" b.yaml')


def test_more_files_than_fit_one_read_all_arrive(team: Team, source: GitSource) -> None:
    for number in range(450):
        team.write(f"r{number}.yaml", request(f"org/d{number}"))
    team.push("Many")
    assert len(names(source)) == 450


def test_a_remote_that_is_gone_is_an_error_that_passes(team: Team, source: GitSource) -> None:
    before = source.snapshot()
    away = team.remote.with_name("away.git")
    team.remote.rename(away)
    with pytest.raises(RequestSourceError) as caught:
        source.snapshot()
    assert (
        caught.value.transient
        and "no such repository" in caught.value.message
        and "REQUESTS_GIT_URL" in str(caught.value)
    )
    assert source.at(before.commit) == before, "what was fetched needs no remote"
    away.rename(team.remote)
    assert source.snapshot() == before


def test_a_branch_or_a_folder_that_does_not_exist_is_named(team: Team, tmp_path: Path) -> None:
    with pytest.raises(RequestSourceError, match=r"branch nope .*does not exist.*REQUESTS_GIT_BRANCH"):
        GitSource(str(team.remote), "nope", tmp_path / "c").snapshot()
    with pytest.raises(RequestSourceError, match=r"no folder elsewhere/"):
        GitSource(str(team.remote), "main", tmp_path / "c", root="elsewhere").snapshot()


def test_a_remote_that_never_answers_costs_no_more_than_the_time_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"
        with pytest.raises(RequestSourceError, match=r"did not answer within 1 s"):
            GitSource(url, "main", tmp_path / "c", timeout_s=1).snapshot()


def test_locks_that_a_killed_git_left_do_not_matter(team: Team, source: GitSource) -> None:
    source.snapshot()
    (source._repository / "refs" / "heads" / "main.lock").touch()
    (source._repository / "packed-refs.lock").touch()
    team.write("x.yaml", request("a/b"))
    team.push("Ask")
    assert names(source) == ["a__b__rev_main"]


def test_a_damaged_copy_is_fetched_again(team: Team, source: GitSource) -> None:
    team.write("x.yaml", request("a/b"))
    team.push("Ask")
    expected = source.snapshot()
    for damage in ("objects", "everything", "half"):
        again = GitSource(str(team.remote), "main", source._cache_dir)
        if damage == "half":
            (again._repository / "HEAD").unlink()
        elif damage == "everything":
            shutil.rmtree(again._cache_dir)
        else:
            for folder in (again._repository / "objects").iterdir():
                shutil.rmtree(folder)
        assert again.snapshot() == expected


@pytest.mark.parametrize("url", ["ext::sh -c true", "--upload-pack=touch /tmp/x"])
def test_a_url_cannot_run_a_command(url: str, tmp_path: Path) -> None:
    with pytest.raises(RequestSourceError):
        GitSource(url, "main", tmp_path / "c").snapshot()


def test_no_secret_of_a_url_or_token_is_ever_shown(tmp_path: Path) -> None:
    source = GitSource(f"http://me:{CANARY}@127.0.0.1:9/x.git", "main", tmp_path / "c", token=CANARY)
    with pytest.raises(RequestSourceError) as caught:
        source.snapshot()
    assert CANARY not in f"{caught.value!s}{caught.value.details!r}{caught.value.__cause__!r}"
    assert "127.0.0.1:9" in str(caught.value)


class _GitOverHttp(http.server.BaseHTTPRequestHandler):
    """git's own http backend behind a login: 401 without the token, 302 to itself under /moved/."""

    root: Path
    seen: list[str | None]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.end_headers()
            return
        expected = base64.b64encode(f"x-access-token:{CANARY}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        done = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            env=os.environ
            | {
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "x",
            },
            capture_output=True,
            check=True,
        ).stdout
        headers, _, body = done.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in headers.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name != "Status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def over_http(team: Team) -> Iterator[tuple[str, list[str | None]]]:
    handler = type("Handler", (_GitOverHttp,), {"root": team.remote.parent, "seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.seen  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_the_token_opens_a_private_remote_and_is_written_nowhere(
    team: Team, over_http: tuple[str, list[str | None]], tmp_path: Path
) -> None:
    team.write("x.yaml", request("a/b"))
    team.push("Ask")
    cache = tmp_path / "cache"
    assert names(GitSource(f"{over_http[0]}/remote.git", "main", cache, token=CANARY)) == ["a__b__rev_main"]
    basic = base64.b64encode(f"x-access-token:{CANARY}".encode())
    for file in (one for one in cache.rglob("*") if one.is_file()):
        assert CANARY.encode() not in file.read_bytes() and basic not in file.read_bytes()


def test_without_the_right_token_the_error_says_so(over_http: tuple[str, list[str | None]], tmp_path: Path) -> None:
    for token in (None, "wrong-token"):
        with pytest.raises(RequestSourceError, match="GITHUB_TOKEN") as caught:
            GitSource(f"{over_http[0]}/remote.git", "main", tmp_path / "c", token=token).snapshot()
        assert "wrong-token" not in str(caught.value)


def test_a_redirect_does_not_take_the_token_along(over_http: tuple[str, list[str | None]], tmp_path: Path) -> None:
    url, seen = over_http
    with pytest.raises(RequestSourceError):
        GitSource(f"{url}/moved/remote.git", "main", tmp_path / "c", token=CANARY).snapshot()
    assert len(seen) == 1, "the redirect was not followed"
