"""Files as a source found them, judged one by one, become one snapshot.

Folder and branch share these rules, so that a file means the same in both: which names count, what is passed over in
silence, and that one bad file never stops the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hugflow_assets.errors import RequestInvalidError
from hugflow_assets.intake.fields import REFUSED
from hugflow_assets.intake.models import AddFile, Kind, Problem, RemoveFile, RequestSnapshot, UnreadRemoval
from hugflow_assets.intake.request_file import named_repository, read_request_file
from hugflow_assets.intake.yaml_document import MAX_BYTES

FOLDERS = tuple(str(kind) for kind in Kind)
ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Found:
    """One file of a source, read and judged. ``digest`` stands for its content in the digest of the whole."""

    path: str
    digest: str
    file: AddFile | RemoveFile | None = None
    problems: tuple[Problem, ...] = ()
    hf_id: str | None = None  # of a file with problems: the repository it is about, where that could be read


def judged(path: str, data: bytes) -> Found:
    """A file that could be read: its request, or its problems."""
    try:
        file = read_request_file(data, path=path)
    except RequestInvalidError as error:
        problems = tuple(error.details["problems"])
        return Found(path, hashlib.sha256(data).hexdigest(), problems=problems, hf_id=named_repository(data))
    return Found(path, file.digest, file=file)


def refused(path: str, message: str, suggestion: str = "") -> Found:
    """A file that is not read at all."""
    problem = Problem(path=path, line=1, column=1, message=message, suggestion=suggestion)
    return Found(path, hashlib.sha256(message.encode()).hexdigest(), problems=(problem,))


def too_big(path: str, size_bytes: int) -> Found:
    message = f"the file has {size_bytes:,} bytes; a request has at most {MAX_BYTES:,}"
    return refused(path, message, "keep the request to its fields")


def is_misplaced(path: str) -> bool:
    """Whether a file below the requests' root looks like a request and lies where none is read.

    Args:
        path: relative to the root, such as ``adds/x.yaml``, ``add/deep/x.yaml`` or ``x.yml``.
    """
    folder, _, name = path.rpartition("/")
    return name.lower().endswith(ENDINGS) and folder not in FOLDERS and not is_ignored(name)


def misplaced(path: str) -> Found:
    """The refusal of a misplaced file, with the place where it would be read."""
    parts = path.split("/")
    removes = any(re.match(r"rem|del|withdr", part, re.IGNORECASE) for part in parts[:-1])
    stem = parts[-1].rpartition(".")[0]
    return refused(
        path,
        "request files lie in add/ or remove/; this one is not read",
        f"move it to {Kind.REMOVE if removes else Kind.ADD}/{stem}.yaml",
    )


def is_ignored(name: str) -> bool:
    """Names that are passed over in silence: hidden files such as ``.gitkeep``, and READMEs."""
    return name.startswith(".") or name.upper().startswith("README")


def refused_by_name(path: str) -> Found | None:
    """The refusal of a file whose name is not that of a request file; None where it is."""
    name = path.rpartition("/")[2]
    if REFUSED.search(name) or any(letter in name for letter in "\t\n\r\\"):
        return refused(path, "the file name holds a control character or a backslash", "rename the file")
    if name.endswith(ENDINGS):
        return None
    stem = name.split(".")[0]
    message = "the file name does not end in .yaml or .yml, so it is not read as a request"
    return refused(path, message, f"rename it to {stem}.yaml, or move it out of this folder")


def printable_path(folder: str, name: bytes) -> str:
    """A path for messages and keys, whatever the bytes of the name; undecodable bytes as ``\\xNN``."""
    text = name.decode("utf-8", "backslashreplace")
    safe = REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    safe = safe.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return f"{folder}/{safe}" if folder else safe


def snapshot_of(found: Iterable[Found], *, commit: str | None = None) -> RequestSnapshot:
    """Everything found, in the order of the paths, under one digest of all paths and contents."""
    ordered = sorted(found, key=lambda one: one.path)
    digest = hashlib.sha256()
    for one in ordered:
        digest.update(f"{one.path}\0{one.digest}\0".encode("utf-8", "surrogatepass"))
    return RequestSnapshot(
        adds=tuple(one.file for one in ordered if isinstance(one.file, AddFile)),
        removals=tuple(one.file for one in ordered if isinstance(one.file, RemoveFile)),
        problems=tuple(problem for one in ordered for problem in one.problems),
        unread_removals=tuple(
            UnreadRemoval(path=one.path, hf_id=one.hf_id)
            for one in ordered
            if one.file is None and one.path.startswith(f"{Kind.REMOVE}/")
        ),
        digest=digest.hexdigest(),
        commit=commit,
    )
