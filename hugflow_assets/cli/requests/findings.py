"""What validation finds, in one form, and that form as text, JSON and GitHub annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hugflow_assets.cli.requests.selection import Selection
from hugflow_assets.intake import Problem

if TYPE_CHECKING:
    from hugflow_assets.rules import Verdict

SCHEMA_VERSION = 1
# The line of a request that an error is about. Everything else is about the dataset: hf_id.
FIELD_OF_CODE = {
    "hub-revision-not-found": "revision",
    "hub-subset-not-found": "subset",
    "hub-split-not-found": "split",
    "column-not-found": "audio_column",
}


class Form(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@dataclass(frozen=True)
class Finding:
    """One thing to say about one place of one file. ``line`` and ``column`` count from 1."""

    path: str
    line: int
    column: int
    severity: str
    code: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """``file:line:col: message``, on one line whatever the message holds."""
        label = "" if self.severity == "error" else f"{self.severity}: "
        text = f"{self.path}:{self.line}:{self.column}: {label}{self.message}"
        return " ".join((f"{text} ({self.remedy})" if self.remedy else text).split())

    def annotation(self) -> str:
        """A GitHub workflow command; unescaped line breaks and colons would end it or start another."""
        level = self.severity if self.severity in ("error", "warning") else "notice"
        message = f"{self.message} ({self.remedy})" if self.remedy else self.message
        return (
            f"::{level} file={_property(self.path)},line={self.line},col={self.column},"
            f"title={_property(self.code)}::{_data(message)}"
        )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def of_problem(problem: Problem, selection: Selection) -> Finding:
    """What the reader of a file could not read."""
    return Finding(
        path=selection.shown(problem.path),
        line=problem.line,
        column=problem.column,
        severity="error",
        code="request-invalid",
        message=problem.message,
        remedy=problem.suggestion,
    )


def of_verdict(verdict: Verdict, path: str, selection: Selection) -> Finding:
    """What a rule says about a file, at the line that it is about."""
    return Finding(
        path=selection.shown(path),
        line=_line_of(FIELD_OF_CODE.get(verdict.code, "hf_id"), path, selection),
        column=1,
        severity=verdict.severity.value,
        code=verdict.code or verdict.name,
        message=verdict.message,
        remedy=verdict.remedy,
    )


def _line_of(field: str, path: str, selection: Selection) -> int:
    try:
        lines = (selection.root / path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 1
    found = [number for number, line in enumerate(lines, 1) if line.lstrip().startswith((f"{field}:", f'"{field}":'))]
    return found[0] if found else 1


def as_json(findings: Sequence[Finding], files: Sequence[str]) -> str:
    """The findings and the files that were looked at, as one documented object."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "files": list(files),
        "findings": [asdict(one) for one in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
