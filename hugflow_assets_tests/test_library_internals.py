"""What we take from inside other libraries is still there, and does what we take it for: loud after an upgrade."""

from __future__ import annotations

import importlib

import httpx2
import pytest

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.formats import datasets_internals
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.http import Body, client
from hugflow_assets.hub.library_internals import is_xet_available, rate_limit_of

LARGE = bytes(range(256)) * (1 << 14)  # large enough to be read past the library's parser


def test_a_connection_that_was_read_past_the_parser_is_used_again() -> None:
    with LocalHub() as hub:
        hub.add_repo("org/large", {"README.md": b"# Large\n", "x.txt": LARGE[: 3 << 20]})
        made = client(HubAccess(hub.url))
        url = f"{hub.url}/datasets/org/large/resolve/main/x.txt"
        sockets = []
        for _ in range(2):
            with made.stream("GET", url, headers={"accept-encoding": "identity"}) as response:
                assert response.status_code == 200
                body, room, size = Body(response, 10), memoryview(bytearray(1 << 20)), 0
                while count := body.read_into(room):
                    size += count
                stream = response.extensions["network_stream"]
                sockets.append((type(stream).__module__, stream.get_extra_info("client_addr")))
            assert size == 3 << 20
        assert sockets[0] == sockets[1], "the second request took a new connection"
        assert sockets[0][0] == "hugflow_assets.hub.http", "connections are not opened by our backend"


def test_the_rate_limit_headers_of_the_hub_are_read() -> None:
    found = rate_limit_of(
        httpx2.Headers({"ratelimit": '"api";r=7;t=42', "ratelimit-policy": '"fixed window";"api";q=500;w=300'})
    )
    assert (found.remaining, found.reset_in_seconds) == (7, 42)
    assert rate_limit_of(httpx2.Headers()) is None


def test_it_is_known_whether_xet_can_be_used() -> None:
    assert is_xet_available() in (True, False)


def test_datasets_says_what_its_modules_read() -> None:
    modules = datasets_internals.module_of_endings()
    assert {modules[ending][0] for ending in (".csv", ".jsonl", ".parquet", ".txt")} == {
        "csv",
        "json",
        "parquet",
        "text",
    }
    assert modules[".wav"][0] == "audiofolder"
    assert {".csv", ".zip", ".wav"} <= datasets_internals.data_endings()
    assert {"metadata.csv", "metadata.jsonl"} <= datasets_internals.metadata_names()
    endings, names = datasets_internals.files_of_module("audiofolder")
    assert ".flac" in endings and "metadata.csv" in names


@pytest.mark.parametrize("module", ["csv", "json", "text", "arrow", "xml"])
def test_the_builder_of_a_module_is_found(module: str) -> None:
    from datasets import DatasetBuilder

    loaded = importlib.import_module(datasets_internals.python_module(module))
    assert [one for one in vars(loaded).values() if isinstance(one, type) and issubclass(one, DatasetBuilder)]


def test_features_go_into_a_card_and_come_back() -> None:
    features = {"id": {"dtype": "int64", "_type": "Value"}, "audio": {"sampling_rate": 16000, "_type": "Audio"}}
    again = datasets_internals.features_of_yaml(datasets_internals.yaml_of_features(features))
    assert again["id"] == features["id"] and again["audio"]["sampling_rate"] == 16000
