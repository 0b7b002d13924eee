"""One name everywhere: what a request asks for becomes one string that is a folder, a partition key and a handle.

The name is made offline from the request as written, never parsed back, and never the same for two requests that ask
for different things. Text that differs only in Unicode normalisation (NFC) counts as the same.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from hugflow_assets.intake.models import DatasetRequest

MAX_NAME_BYTES = 200
MAX_COMPONENT_BYTES = 100

_KEPT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_TAGGED = ("subset_", "split_", "rev_", "h_")


def storage_name(request: DatasetRequest) -> str:
    """The one name of what a request asks for.

    ``org__name[__subset_S][__split_T]__rev_R``, at most 200 bytes of ``[A-Za-z0-9._~-]`` and ``_``. An id without an
    organisation gives ``name__rev_R``. No separator can appear inside a component, and no component can look like a
    tagged one, so that different requests have different names.

    >>> storage_name(DatasetRequest(hf_id="a/b", description="Speech.", split="train"))
    'a__b__split_train__rev_main'
    """
    parts = [_untagged(part) for part in request.hf_id.split("/")]
    if request.subset is not None:
        parts.append(f"subset_{_escaped(request.subset)}")
    if request.split is not None:
        parts.append(f"split_{_escaped(request.split)}")
    parts.append(f"rev_{_escaped(request.revision)}")
    return _bounded("__".join(parts), MAX_NAME_BYTES)


def escape_component(text: str, *, limit: int = MAX_COMPONENT_BYTES) -> str:
    """Any text as one safe folder name, different for different text (after NFC).

    For configs and splits below a dataset's folder. The result is ASCII, holds no ``__`` unless it was cut to
    ``limit`` bytes (it then ends in ``__h_`` and 16 hex digits), and so may be joined to others by ``__``.

    Raises:
        ValueError: the text is empty; there is no folder without a name.
    """
    if not text:
        raise ValueError("an empty text cannot name a folder")
    return _bounded(_escaped(text), limit)


def _untagged(text: str) -> str:
    """An org or name, its first letter escaped where it would read as a component with a tag."""
    escaped = _escaped(text)
    return _in_hex(escaped[0]) + escaped[1:] if escaped.startswith(_TAGGED) else escaped


def _escaped(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    last = len(text) - 1
    return "".join(
        letter if letter in _KEPT and not _reserved(text, at, last) else _in_hex(letter)
        for at, letter in enumerate(text)
    )


def _reserved(text: str, at: int, last: int) -> bool:
    """Whether a letter that is safe elsewhere means something at this place of a component."""
    letter = text[at]
    if letter == "_":  # "__" joins components
        return at in (0, last) or text[at - 1] == "_"
    if letter == ".":  # hidden files, "..", and "..." which a Dagster partition key may not hold
        return at in (0, last) or text[max(at - 2, 0) : at] == ".."
    return letter == "-" and at == 0  # an option of a command


def _in_hex(letter: str) -> str:
    return "".join(f"~{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _bounded(name: str, limit: int) -> str:
    """The name itself, or its beginning and a hash of the whole of it.

    No whole name ends like a cut one: its last component starts with ``rev_``, or it holds no ``__`` at all.
    """
    if len(name) <= limit:
        return name
    ending = f"__h_{hashlib.sha256(name.encode('ascii')).hexdigest()[:16]}"
    head = re.sub(r"~[0-9A-F]?$", "", name[: limit - len(ending)])
    return head.rstrip("_.") + ending
