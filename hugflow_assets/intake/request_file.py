"""One request file: its text becomes a model, or the list of everything that is wrong with it; and back."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePosixPath

from pydantic import ValidationError

from hugflow_assets.errors import RequestInvalidError
from hugflow_assets.intake.fields import shown
from hugflow_assets.intake.models import AddFile, DatasetRequest, Kind, Problem, RemovalRequest, RemoveFile
from hugflow_assets.intake.names import escape_component, storage_name
from hugflow_assets.intake.yaml_document import Document, Entry, Report, read_document
from hugflow_assets.wording import nearest

MODELS: dict[Kind, type[DatasetRequest] | type[RemovalRequest]] = {
    Kind.ADD: DatasetRequest,
    Kind.REMOVE: RemovalRequest,
}

# What people write from memory of other tools.
_OTHER_WORDS = {
    "id": "hf_id",
    "dataset": "hf_id",
    "dataset_id": "hf_id",
    "dataset_name": "hf_id",
    "name": "hf_id",
    "path": "hf_id",
    "repo": "hf_id",
    "repo_id": "hf_id",
    "url": "hf_id",
    "config": "subset",
    "config_name": "subset",
    "language": "subset",
    "branch": "revision",
    "commit": "revision",
    "tag": "revision",
    "version": "revision",
    "summary": "description",
    "why": "reason",
    "audio": "audio_column",
    "text": "text_column",
    "transcript": "text_column",
    "expires": "keep_until",
    "team": "owner",
    "contact": "owner",
}


def read_request(text: bytes, *, path: str, kind: Kind) -> DatasetRequest | RemovalRequest:
    """Read the text of a request file.

    Args:
        text: the bytes of the file, UTF-8.
        path: how messages call the file, such as ``add/x.yaml``.
    Raises:
        RequestInvalidError: ``details["problems"]`` lists every ``Problem`` in the order of the file.
    """
    report = Report(path)
    request = _validated(read_document(text, report), kind, report)
    if request is None or report.problems:
        raise invalid(path, report.listed())
    return request


def read_request_file(text: bytes, *, path: str) -> AddFile | RemoveFile:
    """Read the text of a request file that lies in ``add/`` or ``remove/``, named and digested.

    Args:
        path: relative to the requests' root; its first folder tells the kind.
    Raises:
        RequestInvalidError: as ``read_request``.
    """
    digest = hashlib.sha256(text).hexdigest()
    request = read_request(text, path=path, kind=kind_of(path))
    if isinstance(request, DatasetRequest):
        return AddFile(path=path, name=storage_name(request), request=request, digest=digest)
    key = f"{escape_component(PurePosixPath(path).stem)}__{digest[:12]}"
    return RemoveFile(path=path, key=key, request=request, digest=digest)


def named_repository(text: bytes) -> str | None:
    """The ``hf_id`` of a text that is no valid request otherwise; None where that cannot be told beyond doubt."""
    report = Report("")
    named = [one for one in read_document(text, report).entries if one.key == "hf_id"]
    value = named[0].value.text if len(named) == 1 and named[0].value is not None else None
    if any("hf_id" in problem.message for problem in report.listed()):  # it is given twice, for example
        return None
    try:
        return RemovalRequest(hf_id=value, reason="-").hf_id if value else None
    except ValidationError:
        return None


def kind_of(path: str) -> Kind:
    """The kind that the folder of a request file tells.

    Raises:
        RequestInvalidError: the path does not start with ``add/`` or ``remove/``.
    """
    folder = path.partition("/")[0]
    if folder in MODELS:
        return Kind(folder)
    problem = Problem(
        path=path,
        line=1,
        column=1,
        message="request files lie in add/ or remove/",
        suggestion="move the file into one of the two",
    )
    raise invalid(path, [problem])


def invalid(path: str, problems: list[Problem]) -> RequestInvalidError:
    """The error that carries the problems of one file."""
    reasons = "; ".join(str(one).removeprefix(f"{path}:") for one in problems[:3])
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return RequestInvalidError(
        f"{path} is not a valid request: {reasons}{more}.",
        remedy=f"Correct the file; requests/README.md explains the fields, `hugflow validate {path}` checks it.",
        problems=problems,
    )


def _validated(document: Document, kind: Kind, report: Report) -> DatasetRequest | RemovalRequest | None:
    model = MODELS[kind]
    meant = _unknown_keys(document.entries, kind, report)
    given = {one.key: one for one in document.entries if one.key in model.model_fields}
    accounted = meant | set(given)
    values: dict[str, str] = {}
    for key, entry in given.items():
        if entry.value is None:
            continue
        if entry.value.text is not None:
            values[key] = entry.value.text
        elif model.model_fields[key].is_required():
            report.add(entry.line, entry.column, f"{key} has no value", f"write it after '{key}: '")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            key = str(one["loc"][0])
            value = given[key].value if key in given else None
            if one["type"] != "missing" and value is not None:
                context = one.get("ctx", {})
                report.add(value.line, value.column, context.get("message", one["msg"]), context.get("suggestion", ""))
            elif document.is_whole and key not in accounted:
                report.add(1, 1, f"the required key {key} is missing", f"add a line '{key}: …'")
    return None


def _unknown_keys(entries: tuple[Entry, ...], kind: Kind, report: Report) -> set[str]:
    """Report the keys that the kind does not know; returns the known ones they were most likely meant to be."""
    known = list(MODELS[kind].model_fields)
    other = Kind.REMOVE if kind is Kind.ADD else Kind.ADD
    meant: set[str] = set()
    for entry in entries:
        if entry.key in known:
            continue
        if entry.key in MODELS[other].model_fields:
            suggestion = f"this key belongs to a file in {other}/"
        elif near := _nearest(entry.key, known):
            meant.add(near)
            suggestion = f"did you mean {near}?"
        else:
            suggestion = f"known keys: {', '.join(known)}"
        report.add(entry.line, entry.column, f"unknown key {shown(entry.key, 40)}", suggestion)
    return meant


def _nearest(key: str, known: list[str]) -> str | None:
    plain = re.sub(r"[\s-]+", "_", key[:60].strip().lower())
    if plain in known:
        return plain
    if _OTHER_WORDS.get(plain) in known:
        return _OTHER_WORDS[plain]
    if len(plain) > 3 and (longer := [one for one in known if one.startswith(plain)]):
        return longer[0]
    return nearest(plain, known)


# ---- and back

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/(),+' -]*[A-Za-z0-9._/()+'-])?")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def to_yaml(request: DatasetRequest | RemovalRequest) -> str:
    """The text of a request file that ``read_request`` reads back as the same request.

    Fields that hold their default are left out. Values that any YAML reader could take for something else than text
    are quoted. The first line lets an editor check the file as it is typed.
    """
    kind = Kind.ADD if isinstance(request, DatasetRequest) else Kind.REMOVE
    lines = [f"# yaml-language-server: $schema=../{kind}.schema.json"]
    for key, spec in type(request).model_fields.items():
        value = getattr(request, key)
        if spec.is_required() or value != spec.default:
            lines.append(f"{key}: {_written(value)}")
    return "\n".join(lines) + "\n"


def _written(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    if "\n" in value:
        return "|-\n" + "\n".join(f"  {line}" if line else "" for line in value.split("\n"))
    return json.dumps(value, ensure_ascii=False)
