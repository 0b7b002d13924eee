"""Kaldi's directories, whose ``wav.scp`` says which clip an id means: what cannot be read is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from posixpath import basename, dirname

from hugflow_assets.formats.text.text_encoding import decoded_head
from hugflow_assets.formats.text.transcripts import id_stem, split_id
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.prefetch import at_once

_REMEDY = (
    "Ask the dataset's owners for a table with a column that names the clip of each text (file_name), or for clips "
    "that are called as their ids are."
)


def kaldi_problem(files: Sequence[SourceFile], head: Callable[[SourceFile], bytes]) -> tuple[str, str] | None:
    """Why the texts of such directories would be lost or given to other clips, and what to do; None: ids name clips."""
    by_path = {file.path: file for file in files}
    folders = [dirname(path) for path in by_path if basename(path) == "wav.scp"]
    told = [folder for folder in folders if _in(folder, "text") in by_path]
    if cut := [_in(folder, "segments") for folder in told if _in(folder, "segments") in by_path]:
        return (
            f"{cut[0]}: texts of parts of recordings, as Kaldi has them, which Hugflow does not cut; its texts would "
            "be lost.",
            "Ask the dataset's owners for a clip a text, or for a table with the recording, begin and end of each.",
        )
    lists = [_in(folder, "wav.scp") for folder in told]
    for path, reason in zip(lists, at_once(lambda one: _reason(head(by_path[one])), lists), strict=True):
        if reason:
            return f"{path} {reason}; its texts would be lost, or other clips'.", _REMEDY
    return None


def _reason(head: bytes) -> str:
    lines = decoded_head(head).split("\n")
    for line in lines[:-1] if len(lines) > 1 else lines:
        name, leads_to = split_id(line)
        if leads_to.endswith("|"):
            return f"makes its clips by commands ({name}: {leads_to[:60]}), which Hugflow does not run"
        if name and id_stem(leads_to.replace("\\", "/")) != id_stem(name):
            return f"alone says which clip an id means ({name}: {leads_to[:60]}), which Hugflow does not read"
    return ""


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
