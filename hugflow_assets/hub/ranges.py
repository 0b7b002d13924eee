"""Ranges of files on the Hub: their first bytes, their last, and what is between; verified as far as they can be.

A range that is the whole file must have the hash that the Hub promises. Of any other the length must be right, and the
size of the file that it is a range of: a login page or a cut answer is asked for again, not believed.
"""

from __future__ import annotations

from collections.abc import Callable

from hugflow_assets.errors import HFIntegrityError
from hugflow_assets.hub.access import HubAccess, file_url
from hugflow_assets.hub.hashes import new_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.requests import Answer, call

WHOLE_BYTES = 8 << 20  # a server without ranges is asked for whole files up to this size
_TRIES = 3

Refuse = Callable[[Answer], None]


def read_range_of(
    access: HubAccess, repo_id: str, commit: str, file: SourceFile, start: int, end: int, refuse: Refuse
) -> bytes:
    """The bytes of a file from ``start`` to ``end`` (exclusive); none where the server knows no ranges.

    Args:
        commit: where it is, unless the file says so itself.
        refuse: raises what an answer of status 400 and above means.
    Raises:
        HFIntegrityError: the server gives other bytes than those of the file, again and again.
    """
    end = min(end, file.size_bytes)
    if end <= start:
        return b""
    largest = file.size_bytes if file.size_bytes <= WHOLE_BYTES else end - start
    for _ in range(_TRIES):
        answer = call(
            access,
            "GET",
            file_url(access.endpoint, repo_id, file.commit or commit, file.path),
            headers={"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"},
            largest=largest,
            cut=True,
        )
        if answer.status != 416:  # of a file that is shorter than it ought to be
            refuse(answer)
        if (found := _range_in(answer, file, start, end)) is not None:
            return found
    raise HFIntegrityError(
        f"{access.endpoint} gives other bytes of {file.path} in {repo_id} than those of the file that it lists.",
        remedy="It is tried again later. A login page or another server in between may be the cause: `hugflow doctor`.",
        path=file.path,
        repo=repo_id,
        endpoint=access.endpoint,
    )


def _range_in(answer: Answer, file: SourceFile, start: int, end: int) -> bytes | None:
    """What an answer holds of the range asked for; empty: the server knows no ranges; None: it is something else."""
    size, body = file.size_bytes, answer.body
    if answer.status == 206:
        total = answer.header("Content-Range").rpartition("/")[2]
        if len(body) != end - start or (total.isdigit() and int(total) != size):
            return None
        return body if end - start < size or _is_whole(file, body) else None
    if answer.status != 200:
        return None
    if len(body) == size:
        return body[start:end] if _is_whole(file, body) else None
    length = answer.header("Content-Length")
    if (length.isdigit() and int(length) != size) or len(body) < end - start:
        return None
    return b"" if start else body[:end]


def is_promised(file: SourceFile, data: bytes) -> bool:
    """Whether these bytes are the whole file by the hash that the Hub promises; False where it promises none."""
    return bool(file.sha256 or file.git_sha1) and len(data) == file.size_bytes and _is_whole(file, data)


def _is_whole(file: SourceFile, data: bytes) -> bool:
    if not file.sha256 and not file.git_sha1:
        return True
    digest = new_hash(file)
    digest.update(data)
    return digest.hexdigest() == (file.sha256 or file.git_sha1)
