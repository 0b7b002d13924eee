"""To which split a file of a media folder belongs: by its folder, by a word of its name, or by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from posixpath import basename, dirname

from hugflow_assets.intake.models import Frozen
from hugflow_assets.shapes.join.paths import below, plain
from hugflow_assets.shapes.join.scope import split_told
from hugflow_assets.shapes.sight import ConfigFiles, Layout

_WORDS = {
    "train": frozenset({"train", "training"}),
    "validation": frozenset({"validation", "valid", "dev", "val"}),
    "test": frozenset({"test", "testing", "eval", "evaluation"}),
}
_BETWEEN = re.compile(r"[-._ 0-9/]+")  # words, as `datasets` tells splits apart
Splits = Sequence[tuple[str, Sequence[str]]]


class SplitPart(Frozen):
    """One split: the folders that are all its own, the words of names where folders are shared, and other files."""

    name: str
    folders: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a file is one of the split's."""
        by_name = bool(self.words) and not _words_of(path).isdisjoint(self.words)
        return by_name or path.startswith(self.folders or ("\0",)) or path in self.files


def parts_of(splits: Splits) -> tuple[SplitPart, ...]:
    """The splits in few words; none where there is but one."""
    if len(splits) < 2:
        return ()
    of_folder: dict[str, set[str]] = {}
    for name, paths in splits:
        for path in paths:
            for folder in _around(path):
                of_folder.setdefault(folder, set()).add(name)
    made = []
    for name, paths in splits:
        folders = {_highest(path, of_folder) for path in paths if len(of_folder[dirname(path)]) == 1}
        mixed = [path for path in paths if len(of_folder[dirname(path)]) > 1]
        others = [path for other, many in splits if other != name for path in many if _is_mixed(path, of_folder)]
        words = _WORDS.get(name, frozenset({name.lower()}))
        are_told = all(not _words_of(path).isdisjoint(words) for path in mixed)
        are_told = are_told and all(_words_of(path).isdisjoint(words) for path in others)
        made.append(
            SplitPart(
                name=name,
                folders=tuple(sorted(f"{folder}/" for folder in folders)),
                words=tuple(sorted(words)) if mixed and are_told else (),
                files=() if are_told else tuple(mixed),
            )
        )
    return tuple(made)


def part_told(path: str | None, folder: str, before: str, parts: Sequence[SplitPart]) -> str | None:
    """The split whose file a path would be, if it were there; None where it does not say.

    Args:
        folder: that of the metadata.
        before: stands before all files: the archive that they are in.
    """
    if path is None:
        return None
    steps = plain(path).split("/")
    ends = (f"{before}{'/'.join(steps[at:])}" for at in range(len(steps)))
    for end in (below(folder, path), *ends):
        if end is not None and (found := next((part.name for part in parts if part.holds(end)), None)) is not None:
            return found
    return split_told(path, [part.name for part in parts])


def with_all_named(
    layout: Layout, paths: Sequence[str], is_media: Callable[[str], bool], names: Sequence[str]
) -> Layout:
    """The layout of a folder with metadata: words in the names of files make no splits where they would lose others.

    What lies in folders beside those of the splits is of the first of these.

    Args:
        is_media: whether a file is of the kind that the folder is of.
        names: of metadata files.
    """
    if len(layout.configs) != 1 or layout.configs[0].params or not layout.configs[0].splits:
        return layout
    config = layout.configs[0]
    read = {path for _, files in config.splits for path in files}
    lost = [path for path in paths if path not in read and is_media(path)]
    mixed = {dirname(path) for path in read if basename(path) not in names}
    if not any(dirname(path) in mixed for path in lost):
        first = next((name for name, _ in config.splits if name == "train"), next(iter(config.splits))[0])
        splits = ((name, tuple(sorted((*files, *lost))) if name == first else files) for name, files in config.splits)
        return replace(layout, configs=(ConfigFiles(config.name, tuple(splits), config.params),)) if lost else layout
    every = tuple(path for path in sorted(paths) if is_media(path) or basename(path) in names)
    return replace(layout, configs=(ConfigFiles(config.name, (("train", every),), config.params),))


def _is_mixed(path: str, of_folder: dict[str, set[str]]) -> bool:
    return len(of_folder[dirname(path)]) > 1


def _highest(path: str, of_folder: dict[str, set[str]]) -> str:
    """The outermost folder around a file whose files are all of one split."""
    return next(folder for folder in reversed(list(_around(path))) if len(of_folder[folder]) == 1)


def _around(path: str) -> Iterator[str]:
    while path:
        path = dirname(path)
        yield path


def _words_of(path: str) -> set[str]:
    return set(_BETWEEN.split(basename(path).lower()))
