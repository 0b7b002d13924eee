"""What each field of a request may hold, and what to tell a person whose value may not.

Every validator raises a ``PydanticCustomError`` whose context carries ``message`` (what was expected and found) and
``suggestion`` (what to do), so that a reader of files can put both beside line and column.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from hugflow_assets.setting_values import UNIX_GROUP

MAX_PROSE = 4000
MAX_LINE = 255

# Controls, surrogates, line separators, byte-order marks, and overrides of the writing direction: those can make a
# reviewer read something else than what is stored. Tab and line breaks are judged by the field.
REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_BREAKS = re.compile(r"[\t\n\r]")
_BREAK = re.compile(r"\r\n|\r")

_ID_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
_HUB_HOSTS = ("huggingface.co", "hf.co", "www.huggingface.co")
_SPLIT = re.compile(r"\w+(?:\.\w+)*")
_GROUP = re.compile(UNIX_GROUP)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def shown(text: str, limit: int = 60) -> str:
    """A value as it can be shown in one line of a message: quoted, escaped, cut."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def _wrong(message: str, suggestion: str = "") -> PydanticCustomError:
    template = "{message} ({suggestion})" if suggestion else "{message}"
    return PydanticCustomError("request_field", template, {"message": message, "suggestion": suggestion})


def _text(value: str, what: str, limit: int, *, is_prose: bool = False) -> str:
    if not value.strip():
        raise _wrong(f"{what} is blank", f"write the {what}, or leave the line out if it is optional")
    found = REFUSED.search(value) or (None if is_prose else _BREAKS.search(value))
    if found:
        raise _wrong(
            f"{what} holds the character U+{ord(found[0]):04X}, which is invisible or a line break",
            "remove it; type the text again if you cannot see it",
        )
    if len(value) > limit:
        raise _wrong(f"{what} has {len(value)} characters; at most {limit} are allowed", "shorten it")
    return value


def _prose(what: str) -> AfterValidator:
    """Text for people: several lines are fine, blanks around it are dropped."""
    return AfterValidator(lambda value: _text(_BREAK.sub("\n", value).strip(), what, MAX_PROSE, is_prose=True))


def _line(what: str) -> AfterValidator:
    """One line of text, kept as written."""
    return AfterValidator(lambda value: _text(value, what, MAX_LINE))


# ---- hf_id


def is_repo_id(value: str) -> bool:
    """Whether the Hub allows this dataset id: ``org/name``, or ``name`` alone for the oldest datasets."""
    parts = value.split("/")
    return (
        len(parts) <= 2
        and all(_ID_PART.fullmatch(part) for part in parts)
        and "--" not in value
        and ".." not in value
        and not value.endswith(".git")
    )


def _hf_id(value: str) -> str:
    if is_repo_id(value):
        return value
    _text(value, "hf_id", MAX_PROSE)
    message = f"hf_id {shown(value)} is not a dataset id; expected org/name as in the address of its page on the Hub"
    raise _wrong(message, _id_suggestion(value) or _id_fault(value))


def _id_suggestion(value: str) -> str:
    """The id (and revision) that an address, a path or a spelling with blanks most likely means."""
    text = value.strip().strip("\"'").replace("\\", "/")
    address = re.sub(r"^[a-z+]+://|^git@", "", text, flags=re.IGNORECASE).replace(":", "/")
    host, _, path = address.partition("/")
    is_address = address != text or host.lower() in _HUB_HOSTS
    if "datasets/" in address:
        path = address.split("datasets/", 1)[1]
    elif is_address and host.lower() in _HUB_HOSTS:
        return "this is the address of a model or a space; a dataset's page is https://huggingface.co/datasets/org/name"
    elif not is_address:
        path = address
    path, _, revision = re.sub(r"[?#].*", "", path).partition("@")
    parts = [part.strip() for part in path.split("/") if part.strip()]
    meant = "/".join(parts[:2]).removesuffix(".git")
    if (
        not is_repo_id(meant)
        or ("/" in text and not is_address and "/" not in meant and "datasets/" not in text)
        or (not is_address and len(parts) > 2 and "datasets/" not in address)
    ):
        return ""
    if len(parts) > 3 and parts[2] in ("tree", "blob", "resolve"):
        revision = revision or parts[3]
    return f"write hf_id: {meant}" + (f" and revision: {revision}" if is_revision(revision) else "")


def _id_fault(value: str) -> str:
    if value.count("/") > 1:
        return "only one slash is allowed; a config goes to subset:, a branch to revision:"
    if "--" in value or ".." in value:
        return "the Hub allows neither '--' nor '..' in an id"
    if any(len(part) > 96 for part in value.split("/")):
        return "org and name have at most 96 characters each"
    return "letters, digits, '-', '_' and '.' are allowed, no '-' or '.' at either end, no '.git' at the end"


# ---- revision and split


def is_revision(value: str) -> bool:
    """Whether git allows this as the name of a branch, tag, ref or commit."""
    return (
        0 < len(value.encode("utf-8", "surrogatepass")) <= MAX_LINE
        and value != "@"
        and not value.startswith("-")
        and not re.search(r"[\s~^:?*\[\\]|\.\.|@\{|//", value)
        and not REFUSED.search(value)
        and all(part and not part.startswith(".") and not part.endswith((".lock", ".")) for part in value.split("/"))
    )


def _revision(value: str) -> str:
    _text(value, "revision", MAX_LINE)
    if not is_revision(value):
        raise _wrong(
            f"revision {shown(value)} cannot be a branch, tag or commit",
            f"write revision: {value.strip()}"
            if is_revision(value.strip())
            else "expected a branch or tag such as main or refs/convert/parquet, or a commit of 40 hex digits",
        )
    return value


def is_split(value: str) -> bool:
    """Whether ``datasets`` allows this as the name of one split."""
    return _SPLIT.fullmatch(value) is not None


def _split(value: str) -> str:
    _text(value, "split", MAX_LINE)
    if is_split(value):
        return value
    if found := re.fullmatch(r"(\w+(?:\.\w+)*)\s*\[.*\]", value):
        message = f"split {shown(value)} is a slice; Hugflow lands whole splits, which can be verified against the Hub"
        raise _wrong(message, f"write split: {found[1]} and slice when you load it")
    if re.search(r"[+,]", value):
        message = f"split {shown(value)} names several splits; one request lands one split, or all of them"
        raise _wrong(message, "leave split out to land every split, or write one file for each")
    message = f"split {shown(value)} is not the name of a split; expected letters, digits, '_' and single dots inside"
    raise _wrong(message, f"write split: {value.strip()}" if is_split(value.strip()) else "")


def _keep_until(value: str) -> str:
    try:
        if _ISO_DATE.fullmatch(value) and date.fromisoformat(value):
            return value
    except ValueError:
        pass
    raise _wrong(f"keep_until {shown(value)} is not a date", "write it as year-month-day, such as 2027-03-31")


def _form(value: str) -> str:
    if value in ("files", "packed"):
        return value
    raise _wrong(f"form {shown(value)} is none; expected files or packed", "write form: packed, or leave the line out")


def is_group(value: str) -> bool:
    """Whether this can be the name of a Unix group, or its number."""
    return _GROUP.fullmatch(value) is not None


def _group(value: str) -> str:
    _text(value, "group", MAX_LINE)
    if is_group(value):
        return value
    fits = is_group(value.strip())
    raise _wrong(
        f"group {shown(value)} is not the name of a Unix group, such as asr; expected letters, digits and ._-",
        f"write group: {value.strip()}" if fits else "`getent group` lists those of the storage's machine",
    )


# ---- the types of the fields, with what an editor shows

HfId = Annotated[
    str,
    AfterValidator(_hf_id),
    Field(
        description="Dataset id on the Hub, org/name as in the address of its page.",
        examples=["openslr/librispeech_asr"],
        json_schema_extra={
            "maxLength": 193,
            "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
        },
    ),
]
Description = Annotated[
    str,
    _prose("description"),
    Field(description="What it is and what it is for.", json_schema_extra={"pattern": r"\S"}),
]
Reason = Annotated[
    str,
    _prose("reason"),
    Field(description="Why it is removed; kept in the log for good.", json_schema_extra={"pattern": r"\S"}),
]
Revision = Annotated[
    str,
    AfterValidator(_revision),
    Field(
        description="Branch, tag, ref or commit on the Hub.",
        examples=["main", "refs/convert/parquet"],
        json_schema_extra={"maxLength": MAX_LINE, "pattern": r"^[^\s~^:?*\[\\-][^\s~^:?*\[\\]*$"},
    ),
]
Subset = Annotated[
    str,
    _line("subset"),
    Field(
        description="Subset (config) to land; every subset when left out.",
        json_schema_extra={"maxLength": MAX_LINE, "pattern": r"\S"},
    ),
]
Split = Annotated[
    str,
    AfterValidator(_split),
    Field(
        description="Split to land, whole; every split when left out.",
        examples=["train"],
        json_schema_extra={"maxLength": MAX_LINE, "pattern": r"^[^\s\[\]+,:/.]+(\.[^\s\[\]+,:/.]+)*$"},
    ),
]
AudioColumn = Annotated[
    str,
    _line("audio_column"),
    Field(
        description="Column with the audio; the first Audio column when left out.",
        json_schema_extra={"maxLength": MAX_LINE, "pattern": r"\S"},
    ),
]
TextColumn = Annotated[
    str,
    _line("text_column"),
    Field(
        description="Column with the transcript; text, sentence or transcription when left out.",
        json_schema_extra={"maxLength": MAX_LINE, "pattern": r"\S"},
    ),
]
Owner = Annotated[
    str,
    _line("owner"),
    Field(
        description="Person or team to ask about it.",
        json_schema_extra={"maxLength": MAX_LINE, "pattern": r"\S"},
    ),
]
KeepUntil = Annotated[
    str,
    AfterValidator(_keep_until),
    Field(
        description="Day until which it is needed, year-month-day.",
        examples=["2027-03-31"],
        json_schema_extra={"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    ),
]
Form = Annotated[
    Literal["files", "packed"],
    BeforeValidator(_form),
    Field(
        description="Media as files, or packed into tars of about 1 GB; LANDING_FORM when left out.",
        examples=["packed"],
    ),
]
Group = Annotated[
    str,
    AfterValidator(_group),
    Field(
        description="Unix group that alone may read it; READ_GROUP when left out, GATED_GROUP for gated data.",
        examples=["asr"],
        json_schema_extra={"pattern": f"^({UNIX_GROUP})$"},
    ),
]
