"""Archives that were cut into several files: known by their names, and read by nobody before they are joined."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ARCHIVE = r"\.(?:tar(?:\.[a-z0-9]{1,4})?|tgz|tbz2?|txz|tzst|zip|7z|rar|gz|bz2|xz|zst)"
_CUT = (
    re.compile(rf"(?P<whole>.*{_ARCHIVE})(?<!bz)[._-]?(?P<number>\d{{1,5}})", re.IGNORECASE),  # .zip.001, .tar.00
    re.compile(rf"(?P<whole>.*{_ARCHIVE})[._-]?(?P<letters>[a-z]{{2,3}})"),  # .tar.gz.aa, .tar.gzaa: split(1)
    re.compile(rf"(?P<whole>.*{_ARCHIVE})[._-]?(?:part|chunk|split)[._-]?(?P<sure>\d{{1,5}}|[a-z]{{2,3}})"),
    re.compile(r"(?P<whole>.*[^/])[._-]part[._-]?(?P<sure>a[a-z]{1,2})"),
    re.compile(r"(?P<whole>.*[^/])\.part[._-]?(?P<sure>\d{1,5})"),
    re.compile(r"(?P<whole>.*)\.part(?P<sure>\d{1,5})\.rar", re.IGNORECASE),
    re.compile(r"(?P<whole>.*)\.(?P<sure>[zr]\d{2,3})", re.IGNORECASE),  # beside .zip and .rar
)
_FIRST = frozenset({"aa", "aaa"})


def archive_parts(paths: Iterable[str]) -> list[str]:
    """The files that are parts of archives, by their names.

    Letters are what split(1) makes only where the first part is there: ``.tar.gz.asc`` is a signature.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        if (match := next(filter(None, (one.fullmatch(path) for one in _CUT)), None)) is not None:
            groups = match.groupdict()
            kind = "" if groups.get("letters") is None else str(groups["letters"])
            found.setdefault(groups["whole"], []).append((path, kind))
    return [
        path
        for parts in found.values()
        for path, letters in parts
        if not letters or any(other in _FIRST for _, other in parts)
    ]
