"""JSON whose rows are not objects one after the other: keyed by clip, one list in an object, lists of clips in a row.

- ``keyed``: ``{"000010011": {"text": …}}`` or ``{"a.wav": "text"}``: a row a member, its name in a column;
- ``member:data``: ``{"version": 1, "data": [{"path": "a.wav"}]}``: the rows are in that member;
- ``listed`` and ``listed:training_data``: ``{"id": 1, "training_data": {"name": ["a.flac", …], "label": [ … ]}}``: a
  row an item of the lists, with what else the object says in each.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename
from typing import IO, Any, Protocol

from hugflow_assets.formats.media import is_audio
from hugflow_assets.formats.text.json_rows import NoRowsError, row_blocks
from hugflow_assets.formats.text.json_values import dumped, parsed
from hugflow_assets.formats.text.text_encoding import decoded_head

_READ = 1 << 20
_MOST_CHARS = 64 << 20  # of one member
_MEMBERS_LOOKED_AT = 50
_KEY_COLUMNS = ("id", "key", "utterance_key", "object_key")
_TEXT = "text"
_SPACE = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_BEHIND = re.compile(r"[ \t\r\n]*[,}]")
_DECODER = json.JSONDecoder()


class Names(Protocol):
    """Names of clips that there are, with and without their endings."""

    def __contains__(self, name: object, /) -> bool: ...


@dataclass(frozen=True)
class JsonTable:
    """How the rows of such a file are found: ``rows`` as above, their columns, and the one that names clips."""

    rows: str
    columns: tuple[str, ...]
    path_column: str


def json_table(head: bytes, clips: Names) -> JsonTable | None:
    """The table that a file of JSON is, by its first bytes; None where these show none that names clips.

    Args:
        clips: names of clips that there are.
    """
    text = decoded_head(head).lstrip(" \t\r\n")
    if not text.startswith("{"):
        return _listed([item for item, _ in _items(text, 1)], clips) if text.startswith("[") else None
    members = list(_members(text, 1))[:_MEMBERS_LOOKED_AT]
    return _keyed(members, clips) or _member(text, members, clips) or _listed(_rows(text), clips)


def rows_of(file: IO[bytes], rows: str, key_column: str) -> Iterator[bytes]:
    """The rows of a file, each an object of JSON on a line without its end, every value written as it is there.

    Args:
        file: UTF-8, from its beginning.
        rows: as in ``JsonTable``.
        key_column: where the name of a member goes; for ``keyed``.
    Raises:
        NoRowsError: it is no JSON of that kind.
    """
    kind, _, field = rows.partition(":")
    if kind == "keyed":
        yield from _keyed_rows(file, key_column)
    elif kind == "member":
        for block, _ in row_blocks(file, field):
            yield from filter(None, block.split(b"\n"))
    else:
        for block, _ in row_blocks(file):
            for line in filter(None, block.split(b"\n")):
                yield from _listed_rows(line, field)


# ---- what the first bytes show


def _members(text: str, at: int) -> Iterator[tuple[str, Any, int]]:
    """The members of an object that are whole in a text, from behind its bracket, with where their values begin."""
    while (found := _next_member(text, at)) is not None:
        name, begins, end, value = found
        yield name, value, begins
        if end is None:
            return
        at = end + 1


def _next_member(text: str, at: int) -> tuple[str, int, int | None, Any] | None:
    """Name, begin and end of the next value, and the value; the end None where the text ends before it does."""
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
    try:
        name, end = _DECODER.raw_decode(text, at)
    except ValueError:
        return None
    between = _BETWEEN.match(text, end)
    if not isinstance(name, str) or between is None or between.end() == len(text):
        return None
    try:
        value, end = _DECODER.raw_decode(text, between.end())
    except ValueError:
        return name, between.end(), None, None
    behind = _BEHIND.match(text, end)
    return name, between.end(), None if behind is None else behind.end() - 1, value


def _items(text: str, at: int) -> Iterator[tuple[Any, int]]:
    """The items of a list that are whole in a text, from behind its bracket."""
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        try:
            item, at = _DECODER.raw_decode(text, at)
        except ValueError:
            return
        yield item, at
        at = _SPACE.match(text, at).end() + 1  # type: ignore[union-attr]


def _rows(text: str) -> list[Any]:
    """The objects of JSON lines that are whole in a text."""
    found: list[Any] = []
    at = 0
    while len(found) < _MEMBERS_LOOKED_AT:
        try:
            row, at = _DECODER.raw_decode(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]
        except ValueError:
            break
        found.append(row)
    return found


def _names_clip(value: Any, clips: Names) -> bool:
    if not isinstance(value, str):
        return False
    name = basename(value.strip().replace("\\", "/"))
    return is_audio(name) or name in clips


def _keyed(members: Sequence[tuple[str, Any, int]], clips: Names) -> JsonTable | None:
    """Objects or texts by the names of clips; at least half of the members seen have one."""
    whole = [(name, value) for name, value, _ in members if value is not None]
    named = [name for name, _ in whole if _names_clip(name, clips)]
    if not named or 2 * len(named) < len(whole):
        return None
    if all(isinstance(value, dict) for _, value in whole):
        columns = tuple(dict.fromkeys(name for _, value in whole for name in value))
    elif all(isinstance(value, (str, int, float)) for _, value in whole):
        columns = (_TEXT,)
    else:
        return None
    are_files = all(is_audio(name) for name in named)
    key = next(one for one in (("file_name",) if are_files else ()) + _KEY_COLUMNS if one not in columns)
    return JsonTable("keyed", (key, *columns), key)


def _member(text: str, members: Sequence[tuple[str, Any, int]], clips: Names) -> JsonTable | None:
    """The only member that is a list of rows which name clips."""
    found = []
    for name, value, begins in members:
        if text[begins : begins + 1] == "[":
            rows = value if isinstance(value, list) else [item for item, _ in _items(text, begins + 1)]
            rows = [row for row in rows[:_MEMBERS_LOOKED_AT] if isinstance(row, dict)]
            columns = tuple(dict.fromkeys(column for row in rows for column in row))
            named = next((column for row in rows for column, one in row.items() if _names_clip(one, clips)), None)
            if named is not None:
                found.append(JsonTable(f"member:{name}", columns, named))
    return found[0] if len(found) == 1 else None


def _listed(rows: Sequence[Any], clips: Names) -> JsonTable | None:
    """Rows in which lists of one length stand, of which one names clips.

    One list alone, or one of objects, is a value of a row that is about all of its clips (a chat, a pair).
    """
    objects = [row for row in rows[:_MEMBERS_LOOKED_AT] if isinstance(row, dict)]
    for row in objects:
        for field, values in (("", row), *((name, one) for name, one in row.items() if isinstance(one, dict))):
            lists = {name: one for name, one in values.items() if isinstance(one, list)}
            named = [name for name, one in lists.items() if one and all(_names_clip(item, clips) for item in one)]
            is_nested = any(isinstance(item, (dict, list)) for one in lists.values() for item in one)
            if named and len(lists) > 1 and len(set(map(len, lists.values()))) == 1 and not is_nested:
                columns = tuple(dict.fromkeys(name for row in objects for name in _flat_names(row, field)))
                return JsonTable(f"listed:{field}" if field else "listed", columns, named[0])
    return None


def _flat_names(row: dict[str, Any], field: str) -> list[str]:
    inner = row.get(field) if field else None
    return [*(name for name in row if name != field), *(inner if isinstance(inner, dict) else ())]


# ---- the rows themselves


def _keyed_rows(file: IO[bytes], key_column: str) -> Iterator[bytes]:
    """A row a member, of one object or of several one after the other."""
    text, at, is_inside = "", 0, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if at < len(text) and not is_inside and text[at] == "{":
            at, is_inside = at + 1, True
            continue
        if at < len(text) and is_inside and text[at] in ",}":
            at, is_inside = at + 1, text[at] == ","
            continue
        found = _next_member(text, at) if is_inside else None
        if found is not None and found[2] is not None:
            name, begins, at, value = found[0], found[1], found[2], found[3]
            yield _keyed_row(name, text[begins:at], value, key_column)
            continue
        if at < len(text) and not is_inside:
            raise NoRowsError(f"it is no object: {text[at : at + 20]!r}")
        text, at = text[at:], 0
        if len(text) > _MOST_CHARS:
            raise NoRowsError(f"a member has more than {_MOST_CHARS} characters")
        if not (more := file.read(_READ)):
            break
        text += decoder.decode(more)
    if is_inside or text.strip():
        raise NoRowsError(f"it ends in {text[-40:]!r}: it is cut off, or no JSON")


def _keyed_row(name: str, written: str, value: Any, key_column: str) -> bytes:
    """The value as it is written, with the name of the member before it."""
    key = f"{json.dumps(key_column)}:{json.dumps(name, ensure_ascii=False)}"
    if not isinstance(value, dict):
        row = f"{{{key},{json.dumps(_TEXT)}:{written.strip()}}}"
    elif key_column in value:
        raise NoRowsError(f"{name!r} has a member {key_column!r} of its own")
    else:
        row = f"{{{key}{',' if value else ''}{written.strip()[1:]}"
    return row.replace("\n", " ").replace("\r", " ").encode()


def _listed_rows(line: bytes, field: str) -> Iterator[bytes]:
    """A row an item of the lists; what is no such list stands in each of them."""
    row, _ = parsed(line, Counter())
    lists = row.get(field) if field and isinstance(row, dict) else row
    if not isinstance(row, dict):
        raise NoRowsError("a row is no object")
    if not isinstance(lists, dict):  # nothing is listed of it
        return
    lengths = [len(one) for one in lists.values() if isinstance(one, list)]
    if not lengths:
        return
    if len(set(lengths)) > 1:
        counts = ", ".join(map(str, lengths))
        raise NoRowsError(f"the lists of {field or 'a row'!r} have {counts} items: which belong together?")
    shared = {name: one for name, one in row.items() if name != field} if field else {}
    if clash := shared.keys() & lists.keys():
        raise NoRowsError(f"{', '.join(sorted(clash))} is in the row and in its {field!r}")
    for at in range(lengths[0]):
        own = {name: one[at] if isinstance(one, list) else one for name, one in lists.items()}
        yield dumped({**shared, **own})
