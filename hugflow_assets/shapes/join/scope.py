"""Which clips a table may mean at all, by the names of folders and archives: its own, and not those of others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from posixpath import dirname

from hugflow_assets.formats.languages import are_others, languages_of
from hugflow_assets.formats.names import (
    APART_WORDS,
    GENERIC_FOLDERS,
    SPLIT_WORDS,
    SPLITS_ALIKE,
    is_whole_table,
    pair_name,
    split_in_stem,
    stem_of,
)
from hugflow_assets.shapes.join.paths import as_folders, plain


@dataclass(frozen=True)
class Scope:
    """Which of the clips a table speaks of.

    Attributes:
        folder: the table's own.
        own: what folders and archives are called that are this table's.
        is_alone: other tables have such folders or archives too, so that it speaks of no clip outside its own.
        others: what those are called that other tables, splits or configs have: never in scope.
        parts: patterns of what those are called that are other parts of what this table is a part of, see ``_pattern``.
        words: what those are called that seem to be of other splits: not in scope where there are others.
        languages: those that the table speaks of: what is called as another language is never in scope.
        beyond: what those are called that are of another of train, dev and test: never in scope.
        is_named: the table is called as something of its own, so that what is called otherwise is not its own where
            other tables have folders or archives that are called as they are.
    """

    folder: str = ""
    own: frozenset[str] = frozenset()
    is_alone: bool = False
    others: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    languages: frozenset[tuple[str, str]] = frozenset()
    is_named: bool = False
    beyond: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, table: str, config: str, split: str, configs: Sequence[str], splits: Sequence[str], beside: Sequence[str]
    ) -> Scope:
        """Of a table that is (with those ``beside`` it) a split of a config, among those that there are.

        Args:
            table: its path.
            beside: the paths of all tables of the split.
        """
        folder, alike = dirname(as_folders(table)), _alike(split)
        own = _called(table)
        mine = {*own, *alike, *_words(stem_of(table)), *folder.lower().split("/"), config.lower()}
        named = {word.lower() for word in configs}
        if split.lower() != "validated" and not is_whole_table(as_folders(table)):
            named.update(word.lower() for word in splits)
        for other in beside:
            if other != table:
                named |= _called(other) | _telling(_words(stem_of(other)))
        others = named - mine - GENERIC_FOLDERS - {"default", ""}
        words = SPLIT_WORDS if split.lower() in SPLIT_WORDS and not is_whole_table(as_folders(table)) else frozenset()
        is_alone = len(beside) > 1 or bool(re.search(r"\d", stem_of(table)))
        own -= GENERIC_FOLDERS
        return cls(
            folder,
            own,
            is_alone,
            frozenset(others),
            frozenset(words - mine),
            _parts(own, table, beside),
            languages_of_table(table, config),
            is_named(table),
            APART_WORDS - mine if words and split.lower() in APART_WORDS else frozenset(),
        )

    @classmethod
    def around(cls, path: str, others: frozenset[str] = frozenset()) -> Scope:
        """Of metadata or a list that is no split of its own: no clips of other languages."""
        return cls(dirname(as_folders(path)), others=others, languages=languages_of_table(path, ""))

    def is_own(self, folder: str) -> bool:
        """Whether a folder of clips, or one around it, is called as the table is."""
        return not self.own.isdisjoint(_names(folder))

    def is_others(self, folder: str) -> bool:
        """Whether it is called as another table, split or config is."""
        names = _names(folder)
        if self.is_called_as_others(folder) or speaks_otherwise(self.languages, folder) or self._is_beyond(folder):
            return True
        return bool(self.parts) and any(not _patterns(name).isdisjoint(self.parts) for name in names - self.own)

    def _is_beyond(self, folder: str) -> bool:
        return not self.beyond.isdisjoint(folder.lower().split("/"))

    def is_called_as_others(self, folder: str) -> bool:
        """Whether it is called just as another table, split or config is."""
        return not self.others.isdisjoint(_names(folder))

    def seems_others(self, folder: str) -> bool:
        """Whether it is called as splits are of which there is no table."""
        return not self.words.isdisjoint(folder.lower().split("/"))


def split_told(path: str | None, splits: Sequence[str]) -> str | None:
    """The split that a path speaks of, by the innermost of its folders that is called so, else by its name."""
    folders, _, name = as_folders(plain(path)).rpartition("/")
    for part in (*folders.split("/")[::-1], *re.split(r"[-_. ]", name)):
        if part and (told := next((split for split in splits if part.lower() in _alike(split)), None)) is not None:
            return told
    return None


def is_named(table: str) -> bool:
    """Whether a table is called as something of its own: as no split, and as more than a table is."""
    return not is_whole_table(as_folders(table)) and split_in_stem(stem_of(table)) is None


def says_nothing(folder: str) -> bool:
    """Whether folders are called as any folders of clips are."""
    return all(part in GENERIC_FOLDERS or part in SPLIT_WORDS or not part for part in folder.lower().split("/"))


def languages_of_table(table: str, config: str) -> frozenset[tuple[str, str]]:
    """Those of the innermost name that is a code: of the table, of a folder around it, of its config."""
    names = [stem_of(table), *dirname(as_folders(table)).split("/")[::-1], config]
    return next((found for name in names if (found := languages_of(name))), frozenset())


def speaks_otherwise(languages: frozenset[tuple[str, str]], folder: str) -> bool:
    """Whether folders are called as another language than these."""
    theirs = frozenset[tuple[str, str]]().union(*map(languages_of, folder.split("/"))) if languages else frozenset()
    return are_others(languages, theirs)


def _alike(split: str) -> set[str]:
    """The words for a split."""
    return {split.lower()}.union(*(alike for alike in SPLITS_ALIKE if split.lower() in alike))


def _called(table: str) -> frozenset[str]:
    """What the folder or the archive of a table may be called."""
    stem = stem_of(table).lower()
    return frozenset({stem, pair_name(stem)})


def _parts(own: frozenset[str], table: str, beside: Sequence[str]) -> frozenset[str]:
    """The patterns of a numbered table: of any number where there are several such tables, else of as many digits."""
    alike = pair_name(stem_of(table))
    several = sum(_any_number(pair_name(stem_of(one))) == _any_number(alike) for one in beside) > 1
    if several:
        return frozenset(map(_any_number, filter(_is_numbered, own)))
    return frozenset(_as_many_digits(name) for name in own if _is_numbered(name) and name[0] != "#")


def _patterns(name: str) -> frozenset[str]:
    return frozenset({_any_number(name), _as_many_digits(name)}) if _is_numbered(name) else frozenset()


def _is_numbered(name: str) -> bool:
    """Whether a name has a number, and more than that."""
    return not name.isdigit() and bool(re.search(r"\d", name))


def _any_number(name: str) -> str:
    return re.sub(r"\d+", "0+", name)


def _as_many_digits(name: str) -> str:
    return re.sub(r"\d", "0", name)


def _words(stem: str) -> set[str]:
    return set(re.split(r"[-_. ]", stem.lower()))


def _telling(words: Iterable[str]) -> set[str]:
    """Those that say more than a number or any table's name."""
    return {word for word in words if not word.isdigit() and word not in GENERIC_FOLDERS}


@lru_cache(1 << 12)
def _names(folder: str) -> frozenset[str]:
    """What the folders of a path are called, also without what any folder of clips is called."""
    parts = folder.lower().split("/")
    return frozenset((*parts, *map(pair_name, parts)))
