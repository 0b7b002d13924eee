"""YAML text -> scalars with their places, and nothing else that YAML can say.

YAML turns ``no`` into False, ``0123`` into 83 and ``12:30:45`` into 45045, and lets the last of two equal keys win.
So a request file is read as a flat mapping of text: every scalar stays as typed, the models give it a meaning, and
whatever a request never needs (anchors, tags, nesting) is refused where it stands. Format: https://yaml.org/spec/1.1/.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from hugflow_assets.intake.fields import REFUSED, shown
from hugflow_assets.intake.models import Problem

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_PROBLEMS = 50

# libyaml reads a file about twenty times faster than the parser in Python; both make the same events.
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_BREAK = re.compile(r"\r\n|\r|\n")
_EMPTY = ("the file is empty", "requests/README.md shows what to write")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Scalar:
    """One piece of text and where it starts, counted from 1. ``text`` is None for an unquoted null or nothing."""

    text: str | None
    line: int
    column: int


@dataclass(frozen=True)
class Entry:
    """A key and its value; ``value`` is None where it was refused (a problem says why)."""

    key: str
    line: int
    column: int
    value: Scalar | None


@dataclass(frozen=True)
class Document:
    """What could be read. ``is_whole`` is False where reading stopped early, so that a missing key means nothing."""

    entries: tuple[Entry, ...] = ()
    is_whole: bool = False


@dataclass
class Report:
    """Collects what is wrong with one file."""

    path: str
    # By place and message: a hostile file has thousands, so looking for an equal one must not take longer with each.
    problems: dict[tuple[int, int, str], Problem] = field(default_factory=dict)

    def add(self, line: int, column: int, message: str, suggestion: str = "") -> None:
        place = Problem(path=self.path, line=line, column=column, message=message, suggestion=suggestion)
        self.problems.setdefault((line, column, message), place)

    def listed(self) -> list[Problem]:
        """The problems in the order of the file, the first fifty of them."""
        ordered = sorted(self.problems.values(), key=lambda one: (one.line, one.column))
        if len(ordered) <= MAX_PROBLEMS:
            return ordered
        last = ordered[MAX_PROBLEMS - 1]
        more = f"and {len(ordered) - MAX_PROBLEMS} more problems"
        return [*ordered[:MAX_PROBLEMS], last.model_copy(update={"message": more, "suggestion": ""})]


def read_document(data: bytes, report: Report) -> Document:
    """The keys and values of a request file, in order; every refusal goes into the report."""
    text = _decoded(data, report)
    if text is None:
        return Document()
    text = _without_controls(text, report)
    reader = _MappingReader(report)
    try:
        for event in _events(text):
            if not reader.take(event):
                break
    except yaml.MarkedYAMLError as error:
        _explain(error, text, report)
        return Document(tuple(reader.entries))
    except (yaml.YAMLError, ValueError, OverflowError):
        # What is left after _without_controls: an escape such as "\U00110000" that names no character.
        report.add(1, 1, "this is not YAML: an escape names a character that does not exist", "type the text itself")
        return Document(tuple(reader.entries))
    if not reader.saw_document:
        report.add(1, 1, *_EMPTY)
    return Document(tuple(reader.entries), is_whole=reader.is_mapping and reader.depth == 0)


def _decoded(data: bytes, report: Report) -> str | None:
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes; a request has at most {MAX_BYTES:,}"
        report.add(1, 1, message, "keep the request to its fields")
        return None
    if data.startswith(_UTF16):
        report.add(1, 1, "the file is UTF-16; expected UTF-8", "save it as UTF-8")
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = _BREAK.split(data[: error.start].decode("utf-8"))
        found = f"byte 0x{data[error.start]:02x} is not UTF-8"
        report.add(len(before), len(before[-1]) + 1, found, "save the file as UTF-8")
        return None


def _without_controls(text: str, report: Report) -> str:
    """The text with every refused character replaced by one that YAML can read, so that places stay right."""
    for found in REFUSED.finditer(text):
        before = _BREAK.split(text[: found.start()])
        message = f"the character U+{ord(found[0]):04X} is not allowed here"
        report.add(len(before), len(before[-1]) + 1, message, "remove it; type the line again if you cannot see it")
        if len(report.problems) > MAX_PROBLEMS:
            break
    return REFUSED.sub("\ufffd", text)


def _events(text: str) -> Iterator[Any]:
    loader = LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


@dataclass
class _MappingReader:
    """Takes YAML events one by one; knows at any moment how deep it is and which key it waits at."""

    report: Report
    saw_document: bool = False
    is_mapping: bool = False
    depth: int = 0
    key: Entry | None = None
    waits_for_value: bool = False
    entries: list[Entry] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def take(self, event: Any) -> bool:
        """Read one event; False where reading on makes no sense."""
        if isinstance(event, yaml.DocumentStartEvent):
            return self._document(event)
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.depth -= 1
            return True
        if not isinstance(event, yaml.NodeEvent):
            return True
        self._properties(event)
        if self.depth == 0:
            return self._root(event)
        if self.depth == 1:
            self._member(event)
        return self._deeper(event)

    def _document(self, event: Any) -> bool:
        line, column = _place(event)
        if self.saw_document:
            self.report.add(line, column, "a second document starts here", "write one file for each request")
            return False
        self.saw_document = True
        if event.version or event.tags:
            self.report.add(line, column, "a YAML directive (%) is not allowed", "remove the line")
        return True

    def _properties(self, event: Any) -> None:
        line, column = _place(event)
        if isinstance(event, yaml.AliasEvent):
            self.report.add(line, column, f"an alias (*{event.anchor}) is not allowed", "write the value itself")
            return
        if event.anchor is not None:
            self.report.add(line, column, f"an anchor (&{event.anchor}) is not allowed", "write the value without it")
        if event.tag is not None:
            self.report.add(line, column, f"a tag ({shown(event.tag)}) is not allowed", "write the value without it")

    def _root(self, event: Any) -> bool:
        line, column = _place(event)
        if isinstance(event, yaml.MappingStartEvent):
            self.is_mapping = True
            return self._deeper(event)
        if isinstance(event, yaml.ScalarEvent) and _text_of(event) is None:
            self.report.add(1, 1, *_EMPTY)
        else:
            found = "a list" if isinstance(event, yaml.SequenceStartEvent) else "text alone"
            message = f"expected lines of the form key: value, found {found}"
            self.report.add(
                line, column, message, _missing_blank(event) or "write hf_id: org/name on a line of its own"
            )
        return False

    def _member(self, event: Any) -> None:
        line, column = _place(event)
        if not self.waits_for_value:
            self.waits_for_value = True
            self.key = self._key(event, line, column)
            return
        self.waits_for_value = False
        key, self.key = self.key, None
        if key is None:
            return
        value = None
        if isinstance(event, yaml.ScalarEvent):
            value = Scalar(_text_of(event), line, column)
        elif not isinstance(event, yaml.AliasEvent):
            found = "a list" if isinstance(event, yaml.SequenceStartEvent) else "a mapping"
            self.report.add(
                line, column, f"{shown(key.key)} is {found}; expected one value", "write one value, as text"
            )
        self.entries.append(Entry(key.key, key.line, key.column, value))

    def _key(self, event: Any, line: int, column: int) -> Entry | None:
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self.report.add(line, column, "a key must be plain text", "write key: value")
            return None
        if event.value in self.lines:
            message = f"{shown(event.value)} is given twice; it is already on line {self.lines[event.value]}"
            self.report.add(line, column, message, "keep one of them")
            return None
        self.lines[event.value] = line
        return Entry(event.value, line, column, None)

    def _deeper(self, event: Any) -> bool:
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                line, column = _place(event)
                self.report.add(
                    line, column, f"nested deeper than {MAX_DEPTH} levels", "a request is a flat list of keys"
                )
                return False
        return True


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _text_of(event: Any) -> str | None:
    is_plain = event.style in (None, "")
    return None if is_plain and event.value in ("", "~", "null", "Null", "NULL") else str(event.value)


def _missing_blank(event: Any) -> str:
    if isinstance(event, yaml.ScalarEvent) and (found := re.match(r"(\w+):(?=\S)", event.value)):
        return f"put a blank after '{found[1]}:'"
    return ""


# ---- what the parser says, in words that help

_ADVICE = (
    (
        "mapping values are not allowed",
        "a second ': ' in one value",
        "put the value in quotes, or check the indentation",
    ),
    ("could not find expected ':'", "a line without 'key: value'", "add the ':' and a blank, or indent the line"),
    ("unexpected end of stream", "a quote that is never closed", "close the quote"),
    ("unknown escape character", "an unknown escape", "use single quotes, in which a backslash is only a backslash"),
    ("unknown directive", "a YAML directive (%) is not allowed", "remove the line"),
    ("incompatible YAML document", "a YAML directive (%) is not allowed", "remove the line"),
    ("expected <block end>", "indentation that does not fit", "start every key in the first column"),
    ("did not find expected key", "indentation that does not fit", "start every key in the first column"),
    ("undefined tag handle", "a tag is not allowed", "put the value in quotes"),
)


def _explain(error: yaml.MarkedYAMLError, text: str, report: Report) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = _BREAK.split(text)
    here = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    said = f"{error.problem or error.context or 'it cannot be read'}"
    found, advice = next(((what, do) for sign, what, do in _ADVICE if sign in said), (said, "put the value in quotes"))
    if "cannot start any token" in said:
        found = "a tab where YAML wants blanks" if here == "\t" else f"a value that starts with {shown(here)}"
        advice = "use blanks" if here == "\t" else "put the value in quotes"
    squeezed = next((one for one in lines[:line] if re.match(r"(hf_id|description|reason):\S", one)), None)
    if squeezed is not None:
        advice = f"put a blank after '{squeezed.split(':')[0]}:'"
    report.add(line, column, f"this is not YAML: {found}", advice)
