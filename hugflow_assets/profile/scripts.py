"""The script that a character is of, and which characters do not belong in a text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

DIGITS, MARKS, BLANKS, UNSEEN = "digits", "punctuation", "blanks", "unseen"
RARE = 0.001  # of all letters: a script with less than this is a stranger in the text
_WITH_OTHERS = frozenset({"COMBINING", "MODIFIER", "FULLWIDTH", "HALFWIDTH"})
_TOGETHER = ({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}, {"CJK", "HANGUL"}, {"CJK", "BOPOMOFO"})


def script_of(character: str) -> str:
    """``LATIN``, ``CYRILLIC``, ``CJK`` …; digits, punctuation, blanks; ``unseen`` for what no reader sees."""
    if character in "\n\t\r":
        return BLANKS
    kind = unicodedata.category(character)
    if character == "\ufffd" or (kind[0] == "C" and character not in "\u200c\u200d"):
        return UNSEEN
    if kind[0] in "PS":
        return MARKS
    if kind[0] == "Z" or kind[0] == "C":
        return BLANKS
    if kind[0] == "N":
        return DIGITS
    return unicodedata.name(character, "other").split()[0]


def by_script(counts: Iterable[tuple[str, int]]) -> dict[str, list[tuple[str, int]]]:
    """Characters with their counts under the script that each is of, in the order given."""
    found: dict[str, list[tuple[str, int]]] = {}
    for character, count in counts:
        found.setdefault(script_of(character), []).append((character, count))
    return found


def foreign(counts: Mapping[str, int]) -> list[str]:
    """Characters that do not belong: unseen ones, and letters of a script that hardly occurs, most frequent first."""
    scripts = {character: script_of(character) for character in counts}
    letters: Counter[str] = Counter()
    for character, script in scripts.items():
        if script.isupper() and script not in _WITH_OTHERS:
            letters[script] += counts[character]
    total = letters.total()
    main = letters.most_common(1)[0][0] if letters else ""
    kin = set().union(*(together for together in _TOGETHER if main in together))
    strange = {script for script, count in letters.items() if count < RARE * total and script not in kin} | {UNSEEN}
    found = [character for character, script in scripts.items() if script in strange]
    return sorted(found, key=lambda one: (-counts[one], one))
