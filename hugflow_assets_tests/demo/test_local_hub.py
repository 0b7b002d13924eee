"""The local Hub, seen by the clients that people use: huggingface_hub in this process, plain HTTP beside it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hugflow_assets.demo import LocalHub

README = b"---\nlicense: cc-by-4.0\n---\n# Speech\n"
CLIP = bytes(range(256)) * 40
FILES: dict[str, bytes | Path] = {
    "README.md": README,
    "data/train.csv": b"id,text\n1,one\n",
    "data/clips/a.wav": CLIP,
    "data/empty.txt": b"",
}


@pytest.fixture
def api(hub: LocalHub) -> HfApi:
    return HfApi(hub.url, token=False)


@pytest.fixture
def client(hub: LocalHub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=hub.url) as client:
        yield client


def refusal(response: httpx2.Response) -> tuple[int, str | None, str]:
    return response.status_code, response.headers.get("X-Error-Code"), response.headers["X-Error-Message"]


class TestWhatARepositoryIs:
    def test_its_information_names_every_file_with_size_and_hashes(self, hub: LocalHub, api: HfApi) -> None:
        commit = hub.add_repo("acme/speech", FILES)
        info = api.dataset_info("acme/speech", files_metadata=True)
        assert (info.id, info.sha, info.gated, info.private, info.disabled) == (
            "acme/speech",
            commit,
            False,
            False,
            False,
        )
        assert info.card_data is not None
        assert info.card_data["license"] == "cc-by-4.0"
        assert "license:cc-by-4.0" in (info.tags or [])
        files = {one.rfilename: one for one in info.siblings or []}
        assert sorted(files) == sorted(FILES)
        clip = files["data/clips/a.wav"]
        assert clip.size == len(CLIP)
        assert clip.lfs is not None
        assert clip.lfs.sha256 == hashlib.sha256(CLIP).hexdigest()
        assert files["README.md"].lfs is None
        assert files["README.md"].blob_id == hashlib.sha1(b"blob %d\0" % len(README) + README).hexdigest()

    def test_its_commit_follows_from_content_and_parents(self, hub: LocalHub) -> None:
        first = hub.add_repo("acme/one", FILES)
        assert hub.add_repo("acme/two", FILES) == first
        assert hub.commit("acme/one", {"b.txt": b"b"}) == hub.commit("acme/two", {"b.txt": b"b"}) != first
        assert hub.commit("acme/one", {"c.txt": b"1"}) != hub.commit("acme/two", {"c.txt": b"2"})

    def test_git_itself_would_give_its_trees_the_same_ids(
        self, hub: LocalHub, tmp_path: Path, git: Any, api: HfApi
    ) -> None:
        plain: dict[str, bytes | Path] = {"a.txt": b"1", "a/b.txt": b"2", "a/c/d.txt": b"3", "a-b.txt": b"4"}
        hub.add_repo("acme/plain", plain)
        git("init", "-q")
        for path, data in plain.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(bytes(data))
        git("add", ".")
        root = git("write-tree")
        listed = api.list_repo_tree("acme/plain", repo_type="dataset", recursive=True)
        ids = {one.path: getattr(one, "tree_id", None) or getattr(one, "blob_id", None) for one in listed}
        assert ids["a"] == git("rev-parse", f"{root}:a")
        assert ids["a/c"] == git("rev-parse", f"{root}:a/c")
        assert ids["a/b.txt"] == git("rev-parse", f"{root}:a/b.txt")

    def test_a_revision_is_a_branch_a_tag_a_ref_or_a_commit(self, hub: LocalHub, api: HfApi) -> None:
        first = hub.add_repo("acme/speech", FILES)
        second = hub.commit("acme/speech", {"new.txt": b"new"}, delete=["data/empty.txt"])
        converted = hub.commit("acme/speech", {"default/train/0000.parquet": b"PAR1"}, branch="refs/convert/parquet")
        hub.tag("acme/speech", "v1", first)
        hub.branch("acme/speech", "wip/next", second)
        for revision, commit in {
            "main": second,
            "v1": first,
            "wip/next": second,
            first: first,
            "refs/convert/parquet": converted,
        }.items():
            assert api.dataset_info("acme/speech", revision=revision).sha == commit
        refs = api.list_repo_refs("acme/speech", repo_type="dataset")
        assert {one.name: one.target_commit for one in refs.branches} == {"main": second, "wip/next": second}
        assert [(one.name, one.target_commit) for one in refs.tags] == [("v1", first)]
        assert [(one.name, one.ref) for one in refs.converts] == [("parquet", "refs/convert/parquet")]
        assert [one.commit_id for one in api.list_repo_commits("acme/speech", repo_type="dataset")] == [second, first]
        assert not api.file_exists("acme/speech", "data/empty.txt", repo_type="dataset")
        assert api.file_exists("acme/speech", "data/empty.txt", repo_type="dataset", revision="v1")

    def test_a_tree_comes_in_pages(self, hub: LocalHub, api: HfApi) -> None:
        hub.protocol.page_size = 7
        hub.add_repo("acme/many", {f"d{n % 3}/{n:03}.txt": b"%d" % n for n in range(100)})
        listed = [one.path for one in api.list_repo_tree("acme/many", repo_type="dataset", recursive=True)]
        assert len(listed) == len(set(listed)) == 103
        assert sum("/tree/" in one.path for one in hub.requests) == 15

    def test_a_folder_lists_what_lies_directly_in_it(self, hub: LocalHub, api: HfApi) -> None:
        hub.add_repo("acme/speech", FILES)
        listed = [one.path for one in api.list_repo_tree("acme/speech", "data", repo_type="dataset")]
        assert listed == ["data/clips", "data/empty.txt", "data/train.csv"]
        with pytest.raises(RemoteEntryNotFoundError):
            list(api.list_repo_tree("acme/speech", "nothing", repo_type="dataset"))

    @pytest.mark.parametrize("as_json", [True, False])
    def test_paths_info_leaves_out_what_is_not_there(self, hub: LocalHub, client: httpx2.Client, as_json: bool) -> None:
        hub.add_repo("acme/speech", FILES)
        paths = ["data/clips/a.wav", "data", "missing.txt"]
        body: dict[str, Any] = {"json": {"paths": paths}} if as_json else {"data": {"paths": paths}}
        rows = client.post("/api/datasets/acme/speech/paths-info/main", **body).json()
        assert [(row["path"], row["type"]) for row in rows] == [("data/clips/a.wav", "file"), ("data", "directory")]
        assert rows[0]["lfs"]["oid"] == hashlib.sha256(CLIP).hexdigest()

    @pytest.mark.parametrize("path", ["../x", "/x", "a//b", "a/./b", ""])
    def test_a_path_that_git_cannot_hold_is_refused(self, hub: LocalHub, path: str) -> None:
        with pytest.raises(ValueError, match="no path"):
            hub.add_repo("acme/bad", {path: b""})


class TestFiles:
    def test_a_snapshot_has_every_byte_and_verifies(self, hub: LocalHub, api: HfApi, tmp_path: Path) -> None:
        big = tmp_path / "big.bin"
        big.write_bytes(bytes(range(256)) * 60_000)
        commit = hub.add_repo("acme/speech", {**FILES, "big.dat": big})
        where: dict[str, Any] = {"repo_type": "dataset", "cache_dir": tmp_path / "cache", "token": False}
        folder = Path(snapshot_download("acme/speech", endpoint=hub.url, **where))
        assert folder.name == commit
        assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
            *FILES,
            "big.dat",
        }
        assert (folder / "big.dat").read_bytes() == big.read_bytes()
        assert (folder / "data/clips/a.wav").read_bytes() == CLIP
        checked = api.verify_repo_checksums("acme/speech", **where)
        assert (checked.checked_count, checked.mismatches, checked.missing_paths) == (5, [], [])

    def test_lfs_files_come_from_a_second_origin_that_never_sees_the_token(self, hub: LocalHub, tmp_path: Path) -> None:
        hub.add_repo("acme/speech", FILES, private=True)
        hub.tokens["secret"] = "acme"
        got = hf_hub_download(
            "acme/speech",
            "data/clips/a.wav",
            repo_type="dataset",
            endpoint=hub.url,
            token="secret",
            cache_dir=tmp_path,
        )
        assert Path(got).read_bytes() == CLIP
        assert {one.origin for one in hub.requests} == {"hub", "cdn"}
        assert all(one.headers["authorization"] == "Bearer secret" for one in hub.requests if one.origin == "hub")
        assert hub.violations == []
        link = httpx2.get(
            f"{hub.url}/datasets/acme/speech/resolve/main/data/clips/a.wav", headers={"Authorization": "Bearer secret"}
        ).headers["Location"]
        httpx2.get(link, headers={"Authorization": "Bearer secret"})
        assert len(hub.violations) == 1

    def test_a_link_that_nobody_signed_is_denied(self, hub: LocalHub, client: httpx2.Client) -> None:
        hub.add_repo("acme/speech", FILES)
        link = client.get("/datasets/acme/speech/resolve/main/data/clips/a.wav").headers["Location"]
        assert httpx2.get(link).content == CLIP
        assert httpx2.get(link.partition("?")[0]).status_code == 403
        assert httpx2.get(link.replace("Expires=1", "Expires=2")).status_code == 403

    @pytest.mark.parametrize(
        ("asked", "status", "expected", "content_range"),
        [
            ("bytes=0-9", 206, CLIP[:10], f"bytes 0-9/{len(CLIP)}"),
            ("bytes=100-", 206, CLIP[100:], f"bytes 100-{len(CLIP) - 1}/{len(CLIP)}"),
            ("bytes=-5", 206, CLIP[-5:], f"bytes {len(CLIP) - 5}-{len(CLIP) - 1}/{len(CLIP)}"),
            (f"bytes=0-{len(CLIP) * 2}", 206, CLIP, f"bytes 0-{len(CLIP) - 1}/{len(CLIP)}"),
            (f"bytes={len(CLIP)}-", 416, b"", f"bytes */{len(CLIP)}"),
            ("lines=1-2", 200, CLIP, None),
            ("bytes=0-1,4-5", 200, CLIP, None),
        ],
    )
    @pytest.mark.parametrize("on_disk", [True, False])
    def test_a_range_is_served_from_memory_as_from_disk(
        self,
        hub: LocalHub,
        client: httpx2.Client,
        tmp_path: Path,
        asked: str,
        status: int,
        expected: bytes,
        content_range: str | None,
        on_disk: bool,
    ) -> None:
        (tmp_path / "a.wav").write_bytes(CLIP)
        hub.add_repo("acme/speech", {"a.wav": tmp_path / "a.wav" if on_disk else CLIP})
        path = "/datasets/acme/speech/resolve/main/a.wav"
        got = client.get(path, headers={"Range": asked}, follow_redirects=True)
        assert (got.status_code, got.content, got.headers.get("Content-Range")) == (status, expected, content_range)

    def test_if_range_with_another_etag_gives_the_whole_file(self, hub: LocalHub, client: httpx2.Client) -> None:
        hub.add_repo("acme/speech", FILES)
        etag = f'"{hashlib.sha256(CLIP).hexdigest()}"'
        for if_range, status in ((etag, 206), ('"other"', 200)):
            got = client.get(
                "/datasets/acme/speech/resolve/main/data/clips/a.wav",
                headers={"Range": "bytes=5-", "If-Range": if_range},
                follow_redirects=True,
            )
            assert got.status_code == status

    def test_a_small_file_redirects_on_its_own_origin(self, hub: LocalHub, client: httpx2.Client) -> None:
        commit = hub.add_repo("acme/speech", FILES)
        answer = client.head("/datasets/acme/speech/resolve/main/README.md")
        assert answer.status_code == 307
        assert answer.headers["Location"].startswith("/api/resolve-cache/datasets/acme/speech/")
        assert answer.headers["X-Linked-Size"] == str(len(README))
        final = client.head("/datasets/acme/speech/resolve/main/README.md", follow_redirects=True)
        assert (final.status_code, final.headers["X-Repo-Commit"], final.content) == (200, commit, b"")
        assert final.headers["Content-Length"] == str(len(README))

    def test_names_with_blanks_and_other_scripts_arrive(self, hub: LocalHub, tmp_path: Path) -> None:
        names = ["data/ü ñ 語.txt", "data/a+b&c=d#e?.txt", "data/100%.wav", "data/it's [1].wav"]
        hub.add_repo("acme/odd", dict.fromkeys(names, b"bytes"))
        for name in names:
            got = hf_hub_download(
                "acme/odd", name, repo_type="dataset", endpoint=hub.url, token=False, cache_dir=tmp_path
            )
            assert Path(got).read_bytes() == b"bytes"


class TestRefusals:
    def test_a_missing_repository(self, hub: LocalHub, api: HfApi, client: httpx2.Client) -> None:
        hub.tokens["t"] = "someone"
        with pytest.raises(RepositoryNotFoundError):
            api.dataset_info("acme/none")
        assert client.get("/api/datasets/acme/none").status_code == 401
        known = client.get("/api/datasets/acme/none", headers={"Authorization": "Bearer t"})
        assert refusal(known) == (404, "RepoNotFound", "Repository not found")

    def test_a_private_repository_looks_missing_until_the_user_is_let_in(self, hub: LocalHub) -> None:
        hub.tokens["t"] = "someone"
        commit = hub.add_repo("acme/private", FILES, private=True)
        with pytest.raises(RepositoryNotFoundError):
            HfApi(hub.url, token="t").dataset_info("acme/private")
        hub.grant("acme/private", "someone")
        assert HfApi(hub.url, token="t").dataset_info("acme/private").sha == commit
        hub.revoke("acme/private", "someone")
        with pytest.raises(RepositoryNotFoundError):
            HfApi(hub.url, token="t").dataset_info("acme/private")

    def test_a_gated_repository_shows_itself_and_keeps_its_files(self, hub: LocalHub, tmp_path: Path) -> None:
        hub.tokens["t"] = "someone"
        hub.add_repo("acme/gated", FILES, gated="manual")
        api = HfApi(hub.url, token="t")
        assert api.dataset_info("acme/gated").gated == "manual"
        for token in ("t", False):
            with pytest.raises(GatedRepoError):
                HfApi(hub.url, token=token).auth_check("acme/gated", repo_type="dataset")
            with pytest.raises(GatedRepoError):
                HfApi(hub.url, token=token).hf_hub_download(
                    "acme/gated", "README.md", repo_type="dataset", cache_dir=tmp_path
                )
        hub.grant("acme/gated", "someone")
        api.auth_check("acme/gated", repo_type="dataset")
        api.hf_hub_download("acme/gated", "README.md", repo_type="dataset", cache_dir=tmp_path)

    def test_a_disabled_repository(self, hub: LocalHub, api: HfApi) -> None:
        hub.add_repo("acme/off", FILES, disabled=True)
        with pytest.raises(DisabledRepoError):
            api.dataset_info("acme/off")

    def test_a_missing_revision_and_a_missing_file(self, hub: LocalHub, api: HfApi, tmp_path: Path) -> None:
        hub.add_repo("acme/speech", FILES)
        with pytest.raises(RevisionNotFoundError):
            api.dataset_info("acme/speech", revision="v9")
        with pytest.raises(RemoteEntryNotFoundError):
            api.hf_hub_download("acme/speech", "no.txt", repo_type="dataset", cache_dir=tmp_path)

    def test_a_wrong_token_is_refused_even_for_public_data(self, hub: LocalHub) -> None:
        hub.add_repo("acme/speech", FILES)
        with pytest.raises(HfHubHTTPError) as caught:
            HfApi(hub.url, token="wrong").dataset_info("acme/speech")
        assert caught.value.response.status_code == 401
        assert not isinstance(caught.value, RepositoryNotFoundError)

    def test_whoami(self, hub: LocalHub) -> None:
        hub.tokens["t"] = "someone"
        assert HfApi(hub.url, token="t").whoami()["name"] == "someone"
        with pytest.raises(HfHubHTTPError):
            HfApi(hub.url, token="wrong").whoami()

    @pytest.mark.parametrize("path", ["/", "/api/datasets/", "/api/nothing", "/datasets/a/b", "/api/datasets/a/b/huh"])
    def test_what_the_hub_does_not_serve(self, hub: LocalHub, client: httpx2.Client, path: str) -> None:
        hub.add_repo("a/b", FILES)
        assert client.get(path).status_code == 404

    def test_nonsense_is_refused_and_the_connection_lives(self, hub: LocalHub, client: httpx2.Client) -> None:
        hub.add_repo("a/b", FILES)
        assert client.post("/api/datasets/a/b/paths-info/main", json=["x"]).status_code == 400
        assert client.get("/api/datasets/a/b", params={"expand": "everything"}).status_code == 400
        assert client.get("/api/datasets/a/b/tree/main", params={"cursor": "x"}).status_code == 400
        assert client.get("/api/datasets/a/b/tree/x%0d%0aX-Evil:%20%C3%BC").headers.get("X-Evil") is None
        assert client.get("/api/datasets/a/b", params={"expand": ["sha", "gated"]}).json().keys() == {
            "_id",
            "id",
            "sha",
            "gated",
        }


class TestNames:
    def test_another_spelling_redirects_to_the_canonical_one(self, hub: LocalHub, client: httpx2.Client) -> None:
        hub.add_repo("Acme/Speech", FILES)
        answer = client.get("/api/datasets/acme/SPEECH/tree/main?recursive=true")
        assert (answer.status_code, answer.headers["Location"]) == (
            307,
            "/api/datasets/Acme/Speech/tree/main?recursive=true",
        )
        assert HfApi(hub.url, token=False).dataset_info("acme/speech").id == "Acme/Speech"
        answer = client.head("/datasets/acme/speech/resolve/main/README.md")
        assert answer.headers["Location"] == "/datasets/Acme/Speech/resolve/main/README.md"

    def test_a_renamed_repository_redirects_and_keeps_its_id(self, hub: LocalHub, api: HfApi) -> None:
        commit = hub.add_repo("acme/old", FILES)
        before = vars(api.dataset_info("acme/old"))["_id"]
        hub.rename_repo("acme/old", "acme/new")
        hub.rename_repo("acme/new", "other/newest")
        for name in ("acme/old", "acme/new", "other/newest"):
            info = api.dataset_info(name)
            assert (info.id, info.sha, vars(info)["_id"]) == ("other/newest", commit, before)
        hub.delete_repo("other/newest")
        for name in ("acme/old", "other/newest"):
            with pytest.raises(RepositoryNotFoundError):
                api.dataset_info(name)

    def test_a_new_repository_takes_the_place_of_a_redirect(self, hub: LocalHub, api: HfApi) -> None:
        hub.add_repo("acme/old", FILES)
        hub.rename_repo("acme/old", "acme/new")
        commit = hub.add_repo("acme/old", {"x.txt": b"x"})
        assert api.dataset_info("acme/old").sha == commit
        with pytest.raises(ValueError, match="there already"):
            hub.rename_repo("acme/new", "acme/old")

    def test_a_name_of_one_component_is_served(self, hub: LocalHub, api: HfApi, tmp_path: Path) -> None:
        commit = hub.add_repo("squad", FILES)
        info = api.dataset_info("squad", revision="main")
        assert (info.id, info.sha, info.author) == ("squad", commit, None)
        api.hf_hub_download("squad", "README.md", repo_type="dataset", cache_dir=tmp_path)


class TestLife:
    def test_many_clients_at_once_get_their_own_bytes(self, hub: LocalHub) -> None:
        hub.add_repo("acme/many", {f"{n}.wav": b"%d" % n * 1000 for n in range(40)})
        wrong: list[int] = []

        def fetch(n: int) -> None:
            got = httpx2.get(f"{hub.url}/datasets/acme/many/resolve/main/{n}.wav", follow_redirects=True)
            if got.content != b"%d" % n * 1000:
                wrong.append(n)

        threads = [threading.Thread(target=fetch, args=(n,)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(hub.requests) == 80

    def test_stopped_it_refuses_and_started_again_it_is_the_same(self, hub: LocalHub) -> None:
        commit = hub.add_repo("acme/speech", FILES)
        url = hub.url
        hub.stop()
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url)
        hub.start()
        assert hub.url == url
        assert json.loads(httpx2.get(f"{url}/api/datasets/acme/speech").content)["sha"] == commit

    def test_a_slow_world_can_be_had(self) -> None:
        with LocalHub(latency_s=0.05, bytes_per_s=200_000) as hub:
            hub.add_repo("acme/speech", {"a.wav": bytes(20_000)})
            got = httpx2.get(f"{hub.url}/datasets/acme/speech/resolve/main/a.wav", follow_redirects=True)
            assert len(got.content) == 20_000
            assert got.elapsed.total_seconds() >= 0.05
