"""Corpora that Hypothesis makes: few clips, with every awkwardness that real ones have."""

from __future__ import annotations

from hypothesis import strategies as st

from hugflow_assets_tests.corpora.model import Clip, Corpus, Row, Split

SPEAKERS = ("A", "B", "p225", "spk 1", "Zoë", "id.7", "[x]", "S-2")
NAMES = ("000", "001", "1", "u_2", "a b", "é", "x.y", "n(1)", "R[0]", "007")
ENDINGS = (".wav", ".wav", ".flac", ".mp3", ".WAV", ".ogg")
TEXTS = (
    "one two", "Hello, world", 'she said "no"', '"', "it's", "tab\there", "line\nbreak", "null", "NA", "None", "nan",
    "007", "42", "1.50", "2020-01-01", "true", "caf\u00e9", "cafe\u0301", "", " spaced ", "a|b", "\\n", "{}", "[1]",
    "#1", "=1+1", "\U0001f600", "\u0645\u0631\u062d\u0628\u0627", "N/A", "-", "1e5", "+49123", "a;b", "x" * 300,
)  # fmt: skip
NOTES = ("", "n", "null", "x, y", "12", "NA")
CODES = ("007", "0001", "00", "010")
SPLITS = ("train", "test", "validation")
CONFIGS = ("en", "de", "pt-BR")

texts = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@st.composite
def corpora(
    draw: st.DrawFn, configs: int = 1, splits: int = 2, ending: str | None = None, simple: bool = False
) -> Corpus:
    """Corpora of at most so many configs and splits.

    Args:
        ending: of all clips; by default one is drawn for each corpus.
        simple: names without what a list of ids could not hold.
    """
    count = [0]
    languages = CONFIGS[: draw(st.integers(1, configs))]
    names = SPLITS[: draw(st.integers(1, splits))]
    speakers = draw(
        st.lists(st.sampled_from(SPEAKERS[:3] if simple else SPEAKERS), min_size=1, max_size=2, unique=True)
    )
    stems = draw(st.lists(st.sampled_from(NAMES[:4] if simple else NAMES), min_size=1, max_size=2, unique=True))
    ending = ending or draw(st.sampled_from(ENDINGS))
    return Corpus(
        tuple(
            _split(draw, config if len(languages) > 1 else "", name, speakers, stems, ending, count)
            for config in languages
            for name in names
        )
    )


def _split(draw: st.DrawFn, config: str, name: str, speakers: list[str], stems: list[str], ending: str,
           count: list[int]) -> Split:  # fmt: skip
    clips, rows = [], []
    kinds = draw(st.lists(st.sampled_from(("one", "one", "one", "several", "no row", "no clip")),
                          min_size=len(speakers) * len(stems), max_size=len(speakers) * len(stems)))  # fmt: skip
    for number, kind in enumerate(kinds):
        count[0] += 1
        clip = Clip(speakers[number % len(speakers)], stems[number // len(speakers)], ending, count[0])
        if kind != "no clip":
            clips.append(clip)
        many = {"no row": 0, "several": 2}.get(kind, 1)
        rows += [
            Row(clip, draw(texts), draw(st.sampled_from(NOTES)), draw(st.sampled_from(CODES))) for _ in range(many)
        ]
    if not any(row.clip in clips for row in rows):  # a split is one only if something of it can be known
        count[0] += 1
        clip = Clip(speakers[0], "sure", ending, count[0])
        clips.append(clip)
        rows.append(Row(clip, "sure", "n", "007"))
    return Split(config, name, tuple(clips), tuple(draw(st.permutations(rows)) if len(rows) > 1 else rows))
