"""Common Voice style repositories: which tables name the clips of which archives, by language and split.

Nothing but names and the first line of some tables is looked at. A table is a split: ``train.tsv`` of the folder ``ms``
is ``train`` of the config ``ms``. An archive belongs to the configs and splits that its path names, to all where it
names none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from posixpath import basename, dirname
from typing import Any

from hugflow_assets.formats.languages import languages_of
from hugflow_assets.formats.media import is_audio
from hugflow_assets.formats.names import (
    APART_WORDS,
    ARCHIVE_ENDINGS,
    METADATA_NAMES,
    SPLIT_WORDS,
    SPLITS_ALIKE,
    WHOLE_TABLE_STEMS,
    is_whole_stem,
    is_whole_table,
    natural,
    pair_name,
    split_in_stem,
    split_named,
    stem_of,
    without_archive,
)
from hugflow_assets.formats.tables import PARQUET, TABLE_ENDINGS, Table, clip_table, lists_files_alone
from hugflow_assets.hub.prefetch import at_once
from hugflow_assets.shapes.clip_tables.measures import only_measures
from hugflow_assets.shapes.clip_tables.named_splits import (
    ArchivesByName,
    belongs,
    configs_of,
    place_of,
    split_in_folder,
    split_of,
)
from hugflow_assets.shapes.texts.text_places import side_texts

_ALIKE = 64  # tables that differ in nothing but the numbers in their paths: of more, one is looked at
_MORE = 256  # further tables that are looked at where the first of their sort does not show one
OWN_LOOKED_AT = 64
_LIKELY = 8
_MAYBE = (".json", ".txt")  # endings that say little: such a file that is no table is not worth a word

Head = Callable[[str], bytes]
_Places = dict[str, tuple[set[str], set[str]]]  # archive -> the configs and splits that its path names


@dataclass(frozen=True)
class ClipSplit:
    """A split: its tables, what these are like (``table``), its archives in order; others may share them.

    ``around`` are all archives that its tables speak of, where the archives tell the splits apart and not the tables.
    ``siblings`` are the names of all splits of its config, ``configs`` of
    all configs. ``by_folder``: its tables speak of all of these splits, which the folders of their clips tell apart.
    """

    config: str
    name: str
    tables: tuple[str, ...]
    archives: tuple[str, ...]
    table: Table
    shared: bool
    around: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    by_folder: bool = False

    @property
    def groups(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Tables with the archives that they speak of: a table has its own where each is called as an archive is."""
        own = {} if self.around else _paired(self.tables, self.archives)
        paired: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((table,), (path,)) for table, path in own.items()]
        tables = tuple(table for table in self.tables if table not in own)
        archives = tuple(archive for archive in self.archives if archive not in own.values())
        return [*paired, (tables, archives)] if tables else paired

    @property
    def scope(self) -> dict[str, Any]:
        """By what the clips of its tables are told from those of others."""
        speaks_of_all = bool(self.around) or self.by_folder
        named = {"configs": list(self.configs), "splits": [] if speaks_of_all else list(self.siblings)}
        return {"config": self.config, "split": "" if speaks_of_all else self.name, **named}

    @property
    def audio_column(self) -> str:
        """Where the clip goes: ``audio``, beside the path or in its place; another name where that one is taken."""
        if "audio" not in self.table.columns or self.table.path_column == "audio":
            return "audio"
        return next(name for name in ("clip_audio", "clip_audio_2") if name not in self.table.columns)


@dataclass(frozen=True)
class ClipLayout:
    """All splits; ``left_out`` are tables without clips and archives without a table, by path."""

    splits: tuple[ClipSplit, ...]
    left_out: tuple[str, ...]


def clip_layout(
    paths: Sequence[str], head: Head, members: Collection[str] = (), *, lists: bool = False
) -> ClipLayout | None:
    """The splits of clip archives among a repository's files; None where no table names clips by path.

    Args:
        head: gives the first bytes of a file.
        members: names of clips in the archives, as far as they are known.
        lists: take lists of ids and texts for tables, even where their names speak of no split.
    """
    archives = [path for path in paths if path.lower().endswith(ARCHIVE_ENDINGS)]
    if not archives:
        return None
    loose = any(is_audio(path) for path in paths)
    tables = [path for path in tables_among(paths) if not (loose and basename(path) in METADATA_NAMES)]
    grouped, found = _grouped(tables, head, _names(members), lists)
    known = {config for config, _ in grouped}
    places = {path: place_of(path, known, {split for _, split in grouped}) for path in archives}
    made = _with_archives(grouped, found, archives, places)
    used = {path for split in made for path in split.archives}
    named = {path for of_split in grouped.values() for path in of_split}
    left = [path for path in (*tables, *archives) if path not in named and path not in used]
    return ClipLayout(tuple(made), tuple(filter(_is_told, left))) if used else None


def _with_archives(
    grouped: dict[tuple[str, str], list[str]], found: dict[str, Table], archives: Sequence[str], places: _Places
) -> list[ClipSplit]:
    """The splits with their archives; one table of archives that tell the splits apart is a split for each of these."""
    by_name = ArchivesByName(grouped, archives)
    owned = {key: tuple(path for path in _owned(key, archives, places) if by_name.allows(path, key)) for key in grouped}
    made = []
    for key, tables in grouped.items():
        config, name = key
        only = [split for of_config, split in grouped if of_config == config] == [name]
        by_split = _by_split(config, archives, places) if only and all(map(is_whole_table, tables)) else {}
        if len(by_split) > 1:
            around = tuple(path for paths in by_split.values() for path in paths)
            for split, paths in by_split.items():
                made.append(ClipSplit(config, split, tuple(tables), paths, found[tables[0]], False, around))
        else:
            made.append(ClipSplit(config, name, tuple(tables), owned[key], found[tables[0]], False))
    used = Counter(path for split in made for path in split.archives)
    configs = tuple(dict.fromkeys(split.config for split in made))
    return [
        replace(
            split,
            shared=any(used[path] > 1 for path in split.archives),
            siblings=tuple(one.name for one in made if one.config == split.config),
            configs=configs,
        )
        for split in made
    ]


def _owned(key: tuple[str, str], archives: Sequence[str], places: _Places) -> tuple[str, ...]:
    """The archives of a split; all of its config where they speak of splits of other kinds (``validated.tsv``)."""
    own = [path for path in archives if belongs(places[path], *key)]
    if not own and key[1].lower() not in APART_WORDS:
        own = [path for path in archives if belongs((places[path][0], set()), *key)]
    return tuple(sorted(own, key=natural))


def _by_split(config: str, archives: Sequence[str], places: _Places) -> dict[str, tuple[str, ...]]:
    """The archives of a config by the splits that they name; those that name none are the first's."""
    found: dict[str, list[str]] = {}
    for path in sorted(archives, key=natural):
        configs, splits = places[path]
        if splits and (not configs or config in configs):
            found.setdefault(next(iter(splits)).lower(), []).append(path)
    return {name: tuple(found[name]) for name in sorted(found, key=_alike)}


def _paired(tables: Sequence[str], archives: Sequence[str]) -> dict[str, str]:
    """The archive of each table that is called as one, where that tells it from other tables or archives."""
    by_name: dict[str, list[str]] = {}
    for path in archives:
        by_name.setdefault(pair_name(without_archive(basename(path))), []).append(path)
    pairs: dict[str, str] = {}
    for table in tables:
        alike = by_name.get(pair_name(stem_of(table)), [])
        near = [path for path in alike if dirname(path) == dirname(table)] or alike
        if len(near) == 1 and near[0] not in pairs.values():
            pairs[table] = near[0]
    if len(pairs) == len(tables) == len(archives):
        return pairs
    return {table: path for table, path in pairs.items() if _tells_apart(stem_of(table), len(tables))}


def _tells_apart(stem: str, tables: int) -> bool:
    """Whether a table of that name speaks of no archive but its own: it is one of several parts."""
    name = pair_name(stem)
    return name not in SPLIT_WORDS | WHOLE_TABLE_STEMS and (tables > 1 or bool(re.search(r"\d", name)))


def looked_at(splits: Sequence[ClipSplit], head: Head) -> list[ClipSplit]:
    """The splits with what their own tables are like: tables of one name in several folders need not be alike.

    Those of the first ``OWN_LOOKED_AT`` splits are looked at; one that names no clips by itself stays as it was.
    """

    def look(split: ClipSplit) -> ClipSplit:
        known = split.table
        if known.headerless or split_in_stem(stem_of(split.tables[0])) is None:
            return split
        own = clip_table(head(split.tables[0]), split.tables[0], ())
        return split if own is None else replace(split, table=own)

    return [*at_once(look, splits[:OWN_LOOKED_AT]), *splits[OWN_LOOKED_AT:]]


def likely_tables(paths: Sequence[str], subset: str | None, split: str | None) -> list[str]:
    """Tables named like what is asked for: if these are clip archives, each of them is going to be looked at."""
    if subset is None or not any(path.lower().endswith(ARCHIVE_ENDINGS) for path in paths):
        return []
    found = [path for path in tables_among(paths) if subset in _words(path) and split in (None, *_words(path))]
    return found[:_LIKELY]


def _words(path: str) -> list[str]:
    return [*dirname(path).split("/"), stem_of(path), *re.split(r"[-_. ]", stem_of(path))]


def loose_layout(paths: Sequence[str], head: Head) -> ClipLayout | None:
    """The splits of tables that name audio files of the repository itself; None where no table does."""
    tables = tables_among(paths) + [path for path in paths if path.lower().endswith(PARQUET)]
    grouped, found = _grouped(tables, head, _names(paths))
    configs = tuple(dict.fromkeys(config for config, _ in grouped))
    clips, made = [path for path in paths if is_audio(path)], list[ClipSplit]()
    for (config, split), of_split in grouped.items():
        siblings = tuple(name for of_config, name in grouped if of_config == config)
        parts = _folder_splits(clips, of_split) if len(siblings) == 1 else ()
        for name in parts or (split,):
            table, told = found[of_split[0]], parts or siblings
            made.append(ClipSplit(config, name, tuple(of_split), (), table, True, (), told, configs, bool(parts)))
    named = {path for of_split in grouped.values() for path in of_split}
    left = (path for path in tables if path not in named and _is_told(path))
    return ClipLayout(tuple(made), tuple(left)) if made else None


def _folder_splits(clips: Sequence[str], tables: Sequence[str]) -> tuple[str, ...]:
    """The splits by which folders tell the clips of whole tables apart; none where there are not several."""
    if not all(map(is_whole_table, tables)):
        return ()
    near = f"{dirname(tables[0])}/" if dirname(tables[0]) else ""
    folders = {dirname(path) for path in clips}
    inside = [folder for folder in folders if f"{folder}/".startswith(near)] or folders
    words = {next((part.lower() for part in folder.split("/")[::-1] if part.lower() in SPLIT_WORDS), "")
             for folder in inside} - {""}  # fmt: skip
    alike = {_alike(word): word for word in sorted(words)}
    return tuple(alike[at] for at in sorted(alike)) if len(alike) > 1 else ()


def _alike(split: str) -> int:
    """The place of a split among all kinds of splits."""
    return next((at for at, one in enumerate(SPLITS_ALIKE) if split in one), len(SPLITS_ALIKE))


def tables_among(paths: Sequence[str]) -> list[str]:
    """Files that may be tables of clips: not what is called as one clip is."""
    stems = {path.rpartition(".")[0] for path in paths if is_audio(path)}
    texts = side_texts(tuple(paths)).paths
    tables = [
        path for path in paths if (path.lower().endswith(TABLE_ENDINGS) or _is_kaldis(path)) and path not in texts
    ]
    return [path for path in tables if path.rpartition(".")[0] not in stems]


def _names(paths: Collection[str]) -> frozenset[str]:
    """Base names of clips, with and without their endings."""
    names = [basename(path) for path in paths if is_audio(path)]
    return frozenset([*names, *(name.rpartition(".")[0] for name in names)])


def _grouped(
    tables: Sequence[str], head: Head, clips: Collection[str], lists: bool = False
) -> tuple[dict[tuple[str, str], list[str]], dict[str, Table]]:
    """The tables that name clips, by config and split, and what each of them is like.

    All ``train.tsv`` are alike, whatever their folder: of a sort it takes one that shows it. A table that turns out to
    be otherwise is refused when it lands.
    """
    sort = _sorts(tables)
    firsts = {sort[path]: path for path in reversed(tables)}
    shown = [path for path in tables if firsts[sort[path]] == path]

    names_train = {dirname(path) for path in tables if (split_named(path) or "") in SPLITS_ALIKE[0]}

    def look(path: str) -> Table | None:
        may_be_list = lists or split_named(path) is not None or _is_kaldis(path)
        begins = head(path)
        table = clip_table(begins, path, clips, lists=may_be_list)
        # Lists of held-out files alone (Speech Commands' testing_list.txt) speak of no clip but those, and say no text.
        is_held_out = table is not None and dirname(path) not in names_train and lists_files_alone(table, begins)
        return None if is_held_out else table

    sorts = {sort[path]: table for path, table in zip(shown, at_once(look, shown), strict=True)}
    more = [path for path in tables if sorts[sort[path]] is None and firsts[sort[path]] != path][:_MORE]
    for path, table in zip(more, at_once(look, more), strict=True):
        sorts[sort[path]] = sorts[sort[path]] or table
    found = {path: table for path in tables if (table := sorts.get(sort[path])) is not None}
    configs = configs_of(list(found))
    speaking = {configs[path] for path, table in found.items() if not only_measures(path, table)}
    trains = {configs[path] for path in found if (split_named(path) or "") in SPLITS_ALIKE[0]}
    grouped: dict[tuple[str, str], list[str]] = {}
    for path, table in found.items():
        if configs[path] not in speaking or not only_measures(path, table):
            is_of_all = configs[path] in trains and is_whole_table(path)  # its rows are those of the splits once more
            split = stem_of(path).lower() if is_of_all else split_of(path, configs[path])
            grouped.setdefault((configs[path], re.sub(r"\W+", "_", split)), []).append(path)
    return _with_train(grouped), found


def _with_train(grouped: dict[tuple[str, str], list[str]]) -> dict[tuple[str, str], list[str]]:
    """The only split of a config is ``train``, as for `datasets`, where its table is called as no split or language."""
    of_config = Counter(config for config, _ in grouped)

    def name(config: str, split: str) -> str:
        is_telling = split.lower() in SPLIT_WORDS or split_in_folder(split) or languages_of(split)
        return split if of_config[config] > 1 or is_telling else "train"

    return {(config, name(config, split)): tables for (config, split), tables in grouped.items()}


def _sorts(tables: Sequence[str]) -> dict[str, str]:
    """What each table is taken to be like."""
    found = {path: _sort(path) for path in tables}
    numbered = Counter(re.sub(r"\d+", "0", sort) for sort in set(found.values()))
    return {
        path: alike if numbered[alike := re.sub(r"\d+", "0", sort)] > _ALIKE else sort for path, sort in found.items()
    }


def _is_kaldis(path: str) -> bool:
    """Whether a file is Kaldi's list of a split: ``data/train/text``."""
    return basename(path) == "text" and basename(dirname(path)).lower() in SPLIT_WORDS


def _is_told(path: str) -> bool:
    """Whether a file that is no table is worth a word; one that speaks of a split is."""
    return not path.lower().endswith(_MAYBE) or split_named(path) is not None


def _sort(path: str) -> str:
    stem = stem_of(path)
    if stem.endswith(".trans") or _is_kaldis(path):
        return "*.trans" if stem else basename(path)
    speaks = split_in_stem(stem) is not None or (bool(stem) and is_whole_stem(stem))
    return re.sub(r"\d+", "0", basename(path).lower()) if speaks else path
