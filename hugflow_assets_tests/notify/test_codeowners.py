"""CODEOWNERS as GitHub documents it."""

from __future__ import annotations

import pytest

from hugflow_assets.notify.github.codeowners import owners_of, pattern_matches

YAML = "requests/add/x.yaml"


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", YAML, True),
        ("**", YAML, True),
        ("/**", YAML, True),
        ("*.yaml", YAML, True),
        ("*.yml", YAML, False),
        ("x.?aml", YAML, True),
        ("x.yaml", YAML, True),
        ("/x.yaml", YAML, False),
        ("requests/", YAML, True),
        ("/requests/", YAML, True),
        ("/requests", YAML, True),
        ("request", YAML, False),
        ("add/", YAML, True),
        ("/add/", YAML, False),
        ("x.yaml/", YAML, False),  # a file is no folder
        ("requests/*", YAML, False),  # not further nested files
        ("requests/*", "requests/README.md", True),
        ("/*", "README.md", True),
        ("/*", YAML, False),
        ("requests/*/", YAML, True),
        ("requests/*/*.yaml", YAML, True),
        ("requests/**", YAML, True),
        ("requests/**/x.yaml", YAML, True),
        ("requests/**/add/x.yaml", YAML, True),  # ** may stand for nothing
        ("**/add", YAML, True),
        ("**/dd", YAML, False),
        ("/requests/add/asr-*", "requests/add/asr-x.yaml", True),
        ("/requests/add/asr-*", YAML, False),
        ("/requests/add/*.yaml", "requests/add/deep/x.yaml", False),
        ("/Requests/", YAML, False),  # letters count
        ("/requests/add/a.yaml", "requests/add/axyaml", False),
        (r"/requests/add/my\ file.yaml", "requests/add/my file.yaml", True),
        (r"/requests/add/\*.yaml", YAML, False),
        ("/", YAML, False),
    ],
)
def test_a_pattern_covers_what_github_says(pattern: str, path: str, matches: bool) -> None:
    assert pattern_matches(pattern, path) is matches


@pytest.mark.parametrize(
    ("lines", "owners"),
    [
        ([], ()),
        (["* @ada", "/requests/ @ben @org/stewards"], ("@ben", "@org/stewards")),
        (["/requests/ @ben", "* @ada"], ("@ada",)),  # the last line that matches
        (["* @ada", "/requests/"], ()),  # nobody, on purpose
        (["* @ada", "# /requests/ @mallory", "  ", "\t#x"], ("@ada",)),
        (["* @ada # not @mallory"], ("@ada",)),
        (["* ada@example.org @ada"], ("@ada",)),
        (["* @ada", "!/requests/ @mallory"], ("@ada",)),  # lines that are not valid are skipped
        (["* @ada", "/req[a-z]*/ @mallory"], ("@ada",)),
        (["* @ada", "/requests/ @ben mallory"], ("@ada",)),
        ([r"* @ada", r"/requests/add/a\ b.yaml @mallory"], ("@ada",)),
        (["\ufeff* @ada"], ()),
    ],
)
def test_the_last_line_that_matches_names_the_owners(lines: list[str], owners: tuple[str, ...]) -> None:
    assert owners_of("\r\n".join(lines), YAML) == owners
