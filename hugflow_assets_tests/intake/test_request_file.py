"""A request file: what is read, what is refused, where, and in which words."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import yaml
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from hugflow_assets.errors import RequestInvalidError
from hugflow_assets.intake import (
    DatasetRequest,
    Kind,
    Problem,
    RemovalRequest,
    read_request,
    read_request_file,
    to_yaml,
    yaml_document,
)
from hugflow_assets.intake.fields import is_repo_id
from hugflow_assets_tests.intake.strategies import add_requests, prose, removals

GOOD = "hf_id: a/b\ndescription: Speech.\n"


@pytest.fixture(params=["CBaseLoader", "BaseLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers of PyYAML: the one over libyaml, and the one for machines without it."""
    monkeypatch.setattr(yaml_document, "LOADER", getattr(yaml, request.param))


def read(text: str | bytes, kind: Kind = Kind.ADD) -> DatasetRequest | RemovalRequest:
    return read_request(text.encode() if isinstance(text, str) else text, path=f"{kind}/x.yaml", kind=kind)


def problems(text: str | bytes, kind: Kind = Kind.ADD) -> list[Problem]:
    with pytest.raises(RequestInvalidError) as caught:
        read(text, kind)
    found: list[Problem] = caught.value.details["problems"]
    assert found and all(one.path == f"{kind}/x.yaml" and one.message for one in found)
    return found


def places(text: str | bytes) -> list[tuple[int, int]]:
    return [(one.line, one.column) for one in problems(text)]


# ---- what is read


@pytest.mark.usefixtures("loader")
def test_every_scalar_stays_the_text_that_was_typed() -> None:
    request = read(GOOD + "subset: no\nrevision: 0e12\naudio_column: 0123\ntext_column: 12:30:45\nowner: 1_000\n")
    assert isinstance(request, DatasetRequest)
    assert (request.subset, request.revision, request.audio_column) == ("no", "0e12", "0123")
    assert (request.text_column, request.owner) == ("12:30:45", "1_000")


@pytest.mark.usefixtures("loader")
def test_unquoted_null_is_nothing_and_quoted_null_is_text() -> None:
    assert read(GOOD + "subset: null\nsplit: ~\nowner:\nrevision:\n") == read(GOOD)
    request = read(GOOD + "subset: 'null'\nowner: \"~\"\n")
    assert isinstance(request, DatasetRequest)
    assert (request.subset, request.owner) == ("null", "~")


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), b"---\n" + GOOD.encode()]
)
def test_byte_order_mark_windows_line_ends_and_a_document_start_are_fine(text: bytes) -> None:
    assert read(text) == DatasetRequest(hf_id="a/b", description="Speech.")


def test_a_description_of_several_lines_loses_only_the_blanks_around_it() -> None:
    assert read("hf_id: a/b\ndescription: |\n  One.\n\n    Two.\n").description == "One.\n\n  Two."  # type: ignore[union-attr]


def test_a_removal_is_read_as_narrow_as_it_is_written() -> None:
    assert read("hf_id: a/b\nreason: Withdrawn.\nsubset: ms\n", Kind.REMOVE) == RemovalRequest(
        hf_id="a/b", reason="Withdrawn.", subset="ms"
    )


@given(add_requests | removals)
def test_what_is_written_reads_back_the_same(request: DatasetRequest | RemovalRequest) -> None:
    kind = Kind.ADD if isinstance(request, DatasetRequest) else Kind.REMOVE
    assert read(to_yaml(request), kind) == request


@given(add_requests)
def test_what_is_written_means_text_to_any_yaml_reader(request: DatasetRequest) -> None:
    if request.keep_until is None:
        assert all(isinstance(value, str) for value in yaml.safe_load(to_yaml(request)).values())


def test_a_written_request_is_as_short_as_it_can_be() -> None:
    request = DatasetRequest(hf_id="a/b", description="Read speech, 960 hours.", subset="no")
    assert to_yaml(request) == (
        "# yaml-language-server: $schema=../add.schema.json\n"
        'hf_id: a/b\ndescription: Read speech, 960 hours.\nsubset: "no"\n'
    )


# ---- what is refused, and where


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("hf_id: &x a/b\ndescription: y\n", (1, 8), "anchor"),
        ("hf_id: a/b\ndescription: *x\n", (2, 14), "alias"),
        ("hf_id: a/b\ndescription: !!str y\n", (2, 14), "tag"),
        ("hf_id: a/b\ndescription: ! y\n", (2, 14), "tag"),
        ("%YAML 1.1\n---\n" + GOOD, (1, 1), "directive"),
        ("%TAG ! tag:x,2000:\n---\n" + GOOD, (1, 1), "directive"),
        (GOOD + "owner: [[[[[[[[x]]]]]]]]\n", (3, 15), "deeper than 8"),
        (GOOD + "hf_id: c/d\n", (3, 1), "twice"),
        (GOOD + "---\n" + GOOD, (3, 1), "second document"),
        (GOOD + "subset: [a, b]\n", (3, 9), "list"),
        (GOOD + "subset: {a: b}\n", (3, 9), "mapping"),
        (GOOD + "? [a]\n: b\n", (3, 3), "key must be plain text"),
        ("", (1, 1), "empty"),
        ("# a comment\n", (1, 1), "empty"),
        ("---\n...\n", (1, 1), "empty"),
        ("~\n", (1, 1), "empty"),
        ("- a\n", (1, 1), "list"),
        ("speech\n", (1, 1), "text alone"),
        (GOOD + "owner: a: b\n", (3, 9), "second ': '"),
        (GOOD + "owner:\n\tx: y\n", (4, 1), "tab"),
        (GOOD + "owner: @team\n", (3, 8), "starts with '@'"),
        (GOOD + "owner: 'x\n", (4, 1), "never closed"),
        (GOOD + "owner: a\x00b\n", (3, 9), "U+0000"),
        (GOOD + "owner: a\u202eb\n", (3, 9), "U+202E"),
        (GOOD + "owner: a\u2028b\n", (3, 9), "U+2028"),
        (GOOD + 'owner: "a\\u202eb"\n', (3, 8), "U+202E"),
        (GOOD + 'owner: "a\\nb"\n', (3, 8), "U+000A"),
    ],
)
def test_what_a_request_never_needs_is_refused_where_it_stands(text: str, place: tuple[int, int], word: str) -> None:
    found = problems(text)
    assert any((one.line, one.column) == place and word in one.message for one in found), found


def test_bytes_that_are_not_utf8_are_named_with_their_place() -> None:
    (one,) = problems(b"hf_id: a/b\r\ndescription: caf\xe9\r\n")
    assert (one.line, one.column) == (2, 17)
    assert "0xe9" in one.message and "UTF-8" in one.suggestion
    assert "UTF-16" in problems(GOOD.encode("utf-16"))[0].message


def test_a_file_over_64_kib_is_not_read() -> None:
    assert "at most 65,536" in problems("#" * 65_537)[0].message
    assert read(GOOD + "#" * (65_536 - len(GOOD)))


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    found = problems("hf_id: a/b/c\nrevison: x\nsplit: train[:10%]\nkeep_until: tomorrow\nowner: &o x\n")
    assert [(one.line, one.column) for one in found] == [(1, 1), (1, 8), (2, 1), (3, 8), (4, 13), (5, 8)]
    assert "description is missing" in found[0].message


def test_what_stands_before_a_syntax_error_is_judged_too() -> None:
    assert places("hf_id: a/b/c\nrevison: x\nowner: 'x\n") == [(1, 8), (2, 1), (4, 1)]


def test_a_thousand_problems_are_told_as_fifty() -> None:
    found = problems("".join(f"key{number}: x\n" for number in range(1000)))
    assert len(found) == 51
    assert "more problems" in found[-1].message


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("hf-id", "did you mean hf_id?"),
        ("HF_ID", "did you mean hf_id?"),
        ("repo_id", "did you mean hf_id?"),
        ("desc", "did you mean description?"),
        ("config", "did you mean subset?"),
        ("revison", "did you mean revision?"),
        ("reason", "this key belongs to a file in remove/"),
        ("bitrate", "known keys: hf_id, description"),
    ],
)
def test_an_unknown_key_gets_the_nearest_known_one(key: str, suggestion: str) -> None:
    (one,) = [one for one in problems(f"hf_id: a/b\ndescription: x\n{key}: y\n") if "unknown key" in one.message]
    assert (one.line, one.column) == (3, 1)
    assert suggestion in one.suggestion


def test_a_misspelt_required_key_is_one_problem_not_two() -> None:
    assert len(problems("hf_idd: a/b\ndescription: x\n")) == 1


def test_a_required_key_without_value_is_told_at_the_key() -> None:
    assert [str(one) for one in problems("hf_id: a/b\ndescription:\n")] == [
        "add/x.yaml:2:1: description has no value (write it after 'description: ')"
    ]


def test_a_missing_blank_after_the_colon_is_recognised() -> None:
    assert "blank after 'hf_id:'" in problems("hf_id:a/b\n")[0].suggestion
    assert "blank after 'hf_id:'" in problems("hf_id:a/b\ndescription: x\n")[0].suggestion


# ---- values


@given(st.one_of(st.text("aB1-_./é ", max_size=12), st.text(max_size=110), st.text("ab/", min_size=90, max_size=200)))
@example("a" * 96 + "/" + "b" * 96)
@example("a" * 97)
@example("a/b.git")
@example("a/b\n")
@example("a//b")
def test_an_id_is_allowed_exactly_when_the_hub_client_allows_it(value: str) -> None:
    try:
        validate_repo_id(value)
        allowed = True
    except HFValidationError:
        allowed = False
    assert is_repo_id(value) == allowed


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://huggingface.co/datasets/org/name", "write hf_id: org/name"),
        ("https://huggingface.co/datasets/org/name/tree/v1", "write hf_id: org/name and revision: v1"),
        ("https://hf.co/datasets/org/name/viewer/ms/train?p=1#x", "write hf_id: org/name"),
        ("huggingface.co/datasets/org/name", "write hf_id: org/name"),
        ("https://huggingface.co/datasets/squad", "write hf_id: squad"),
        ("hf://datasets/org/name@v2", "write hf_id: org/name and revision: v2"),
        ("git@hf.co:datasets/org/name", "write hf_id: org/name"),
        ("datasets/org/name", "write hf_id: org/name"),
        ("org/name@v1", "write hf_id: org/name and revision: v1"),
        ("org/name.git", "write hf_id: org/name"),
        ("' org / name '", "write hf_id: org/name"),
        ("org\\name", "write hf_id: org/name"),
        ("https://huggingface.co/org/model", "the address of a model or a space"),
        ("org/name/ms", "subset:"),
        ("org/na--me", "neither '--' nor '..'"),
        ("a" * 97 + "/b", "at most 96"),
        ("org/", "letters, digits"),
    ],
)
def test_a_wrong_id_is_answered_with_what_was_meant(written: str, meant: str) -> None:
    (one,) = problems(f"hf_id: {written}\ndescription: x\n")
    assert (one.line, one.column) == (1, 8)
    assert meant in one.suggestion


@pytest.mark.parametrize(
    ("line", "word", "suggestion"),
    [
        ("split: train[:10%]", "slice", "write split: train"),
        ("split: train+test", "several splits", "leave split out"),
        ("split: a b", "not the name of a split", ""),
        ("split: train..x", "not the name of a split", ""),
        ('split: "train\\n"', "U+000A", "remove"),
        ("revision: a b", "cannot be a branch", "such as main"),
        ("revision: ../main", "cannot be a branch", ""),
        ("revision: -x", "cannot be a branch", ""),
        ("revision: x.lock", "cannot be a branch", ""),
        ("revision: ' main'", "cannot be a branch", "write revision: main"),
        ("keep_until: 31.12.2026", "not a date", "year-month-day"),
        ("keep_until: 2026-02-30", "not a date", "year-month-day"),
        ("keep_until: '20260101'", "not a date", "year-month-day"),
        ("subset: ''", "blank", ""),
        ("owner: '  '", "blank", ""),
        (f"owner: {'x' * 256}", "at most 255", "shorten"),
    ],
)
def test_a_wrong_value_is_told_with_what_to_do(line: str, word: str, suggestion: str) -> None:
    (one,) = problems(GOOD + line + "\n")
    assert one.line == 3 and one.column > 1
    assert word in one.message and suggestion in one.suggestion


def test_a_description_is_neither_blank_nor_endless() -> None:
    assert "blank" in problems("hf_id: a/b\ndescription: '  '\n")[0].message
    assert "at most 4000" in problems(f"hf_id: a/b\ndescription: {'x' * 4001}\n")[0].message


def test_models_made_in_code_obey_the_same_rules() -> None:
    with pytest.raises(ValidationError, match="slice"):
        DatasetRequest(hf_id="a/b", description="x", split="train[:1]")


# ---- the error


def test_the_error_names_file_problems_and_next_step() -> None:
    with pytest.raises(RequestInvalidError) as caught:
        read("hf_id: a/b/c\n")
    told = str(caught.value)
    assert told.startswith("[request-invalid] add/x.yaml is not a valid request: 1:1: the required key description")
    assert "1:8: hf_id 'a/b/c' is not a dataset id" in told
    assert "hugflow validate add/x.yaml" in told


def test_a_file_outside_the_two_folders_has_no_kind() -> None:
    with pytest.raises(RequestInvalidError, match=r"add/ or remove/"):
        read_request_file(GOOD.encode(), path="x.yaml")


# ---- attacks


def parses_or_refuses(data: bytes) -> None:
    for kind in Kind:
        try:
            request = read_request(data, path="x", kind=kind)
        except RequestInvalidError as error:
            assert error.details["problems"]
            assert all(one.line >= 1 and one.column >= 1 for one in error.details["problems"])
            str(error).encode()
        else:
            assert read(to_yaml(request), kind) == request


_YAMLISH = st.lists(
    st.sampled_from(
        [
            *(
                "hf_id",
                "description",
                "reason",
                "split",
                ": ",
                ":",
                "\n",
                "\r\n",
                " ",
                "  ",
                "\t",
                "- ",
                "? ",
                "&a ",
                "*a",
            ),
            *("!!str ", "!", "%YAML 1.1\n", "---\n", "...\n", "|\n", ">-\n", "[", "]", "{", "}", ",", "'", '"', "\\"),
            *("#", "a/b", "x", "~", "\\ud800", "\\U00110000", "\\x", "\u2028", "\x85", "\ufeff", "é", "\x00", "<<"),
        ]
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize("name", ["CBaseLoader", "BaseLoader"])
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(name: str) -> None:
    @given(
        st.one_of(st.binary(), st.text().map(lambda t: t.encode("utf-8", "surrogatepass")), _YAMLISH.map(str.encode))
    )
    def attack(data: bytes) -> None:
        parses_or_refuses(data)

    before = yaml_document.LOADER
    yaml_document.LOADER = getattr(yaml, name)
    try:
        attack()
    finally:
        yaml_document.LOADER = before


@given(prose)
def test_any_description_in_quotes_is_read(text: str) -> None:
    quoted = "'" + text.strip().replace("'", "''").replace("\n", " ").replace("\r", " ") + "'"
    assert read(f"hf_id: a/b\ndescription: {quoted}\n")


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "piece",
    ["[", "[\n", "- ", "{", "? ", "{? ", "a: ", "&", "'a' ", "\n", "#", "[a,", "%\n", "\x00", "é\x01\n", "k: v\n"],
)
def test_a_file_of_one_piece_repeated_is_answered_fast(piece: str) -> None:
    text = (piece * 65_536).encode()[:65_000].decode("utf-8", "ignore")
    start = time.process_time()
    problems(text)
    assert time.process_time() - start < 10


def test_importing_needs_neither_dagster_nor_the_hub_client() -> None:
    code = (
        "import sys, hugflow_assets.intake; "
        "heavy = {'dagster', 'huggingface_hub', 'datasets', 'pyarrow', 'pydantic_settings'} & set(sys.modules); "
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).stderr == b""
