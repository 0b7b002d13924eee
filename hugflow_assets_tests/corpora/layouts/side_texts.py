"""Layouts in which texts lie beside the clips: a file a clip, in trees of every kind, or lists of ids and texts."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from hugflow_assets_tests.corpora.layouts.known_corpora import line, spelt
from hugflow_assets_tests.corpora.model import Clip, Row, Split
from hugflow_assets_tests.corpora.repository import ARCHIVES, Rendered, Rows, archive
from hugflow_assets_tests.corpora.strategies import corpora

Tree = Callable[[Clip, str], str]  # the path of a clip, or of what is called as it is, without the ending
TREES: dict[str, Tree] = {
    "beside": lambda clip, _: f"corpus/{clip.speaker}/{clip.name}",
    "kinds, then speakers": lambda clip, kind: f"corpus/{kind}/{clip.speaker}/{clip.name}",
    "speakers, then kinds": lambda clip, kind: f"{clip.speaker}/{kind}/{clip.name}",
    "texts in one folder": lambda clip, kind: (
        f"{kind}/{clip.speaker}_{clip.name}" if kind == "txt" else f"{kind}/{clip.speaker}/{clip.speaker}_{clip.name}"
    ),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le with a mark")


@st.composite
def a_text_a_clip(draw: st.DrawFn) -> Rendered:
    """A file of text a clip; of some clips the text is lost, of some texts the clip."""
    container = draw(st.sampled_from(("", "", *ARCHIVES)))
    is_tar = container.startswith(".tar")
    (split,) = draw(corpora(splits=1, ending=".wav", simple=is_tar)).splits
    name, ending = draw(st.sampled_from(sorted(TREES))), draw(st.sampled_from((".txt", ".lab", ".TXT")))
    encoding, tree = draw(st.sampled_from(ENCODINGS)), TREES[name]
    said = {row.clip: row.text.replace("\ufeff", "") for row in split.rows}
    if is_tar:  # as in any WebDataset, a text without a clip may be a sample, and endings are as they are written
        said = {clip: text for clip, text in said.items() if split.has(clip)}
        ending = ending.lower()
    files = {f"{tree(clip, 'wav48')}.wav": clip.data for clip in split.clips}
    files |= {tree(clip, "txt") + ending: encoded(f"{text}\n", encoding) for clip, text in said.items()}
    lost = sum(not split.has(clip) for clip in said)  # most files decide what a repository is
    refusals = ("shape-unsupported",) if lost + 1 >= len(split.clips) else ()
    told = {clip: said[clip].rstrip("\r\n") if clip in said else None for clip in split.clips}
    if is_tar:  # members are as they are
        told = {clip: f"{said[clip]}\n" if clip in said else None for clip in split.clips}
        must: Rows = [{"wav": clip.data, ending[1:]: told[clip]} for clip in split.clips]
    else:
        must = [{"audio": clip.data, "text": told[clip]} for clip in split.clips]
    return Rendered(f"a text a clip, {name}, {container or 'loose'}", packed(files, container),
                    {"train.jsonl": must}, refusals, is_ordered=False)  # fmt: skip


def encoded(text: str, encoding: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le") if encoding.endswith("mark") else text.encode(encoding)


def packed(files: dict[str, bytes], container: str) -> dict[str, bytes]:
    return {f"corpus{container}": archive(container, sorted(files.items()))} if container else files


LISTS: dict[str, Callable[[Clip], str]] = {
    "above all": lambda _: "list.txt",
    "in a folder of its own": lambda _: "doc/transcripts/all.txt",
    "beside the folder of the clips": lambda clip: f"{spelt(clip.speaker)}/etc/PROMPTS",
    "above the clips of a speaker": lambda clip: f"{spelt(clip.speaker)}/transcripts.txt",
}
IDS: dict[str, Callable[[str], str]] = {
    "their names": lambda path: path.rpartition("/")[2].rpartition(".")[0],
    "their paths": lambda path: path,
    "paths without endings": lambda path: path.rpartition(".")[0],
    "paths under another root": lambda path: f"/data/of/somebody/{path}",
    "paths of another system": lambda path: "D:\\corpus\\" + path.replace("/", "\\"),
}
FORMS: dict[str, Callable[[str, str], str]] = {
    "a space": lambda name, text: f"{name} {text}\n",
    "a colon": lambda name, text: f"{name}:{text}\n",
    "brackets": lambda name, text: f'( {name} "{text}" )\n',
}


@st.composite
def lists_of_texts(draw: st.DrawFn) -> Rendered:
    """Lists of ids and texts; a clip may have several lines, and a line no clip."""
    container = draw(st.sampled_from(("", "", *ARCHIVES)))
    (split,) = draw(corpora(splits=1, ending=".wav", simple=True)).splits
    place, ids, form = (draw(st.sampled_from(sorted(every))) for every in (LISTS, IDS, FORMS))
    is_unique = ids == "their names" and draw(st.booleans())  # else names of several speakers are the same
    if form == "a colon" and ids == "paths of another system":
        form = "a space"  # its drive has a colon

    def path(clip: Clip) -> str:
        stem = f"{spelt(clip.speaker)}-{clip.name}" if is_unique else clip.name
        return f"{spelt(clip.speaker)}/wav/{stem}.wav"

    rows = [Row(row.clip, line(row.text).replace("\\", "/"), "", "") for row in known(split)]
    lines: dict[str, str] = {}
    for row in rows:
        lines[LISTS[place](row.clip)] = lines.get(LISTS[place](row.clip), "") + FORMS[form](
            IDS[ids](path(row.clip)), row.text
        )
    files = {path(clip): clip.data for clip in split.clips}
    files |= {name: text.encode() for name, text in lines.items()}
    column = "wav" if container.startswith(".tar") else "audio"
    is_by_name = ids == "their names" and not is_unique and not place.endswith(("of the clips", "of a speaker"))
    must: Rows = [{column: clip.data, "text": text_of(clip, split, rows, is_by_name)} for clip in split.clips]
    return Rendered(f"lists {place}, of {ids}, with {form}, {container or 'loose'}", packed(files, container),
                    {"train.jsonl": must}, is_ordered=False)  # fmt: skip


def text_of(clip: Clip, split: Split, rows: list[Row], is_by_name: bool) -> str | None:
    """What the lines say of a clip, if they all say the same, and can mean no other."""
    alike = [one for one in split.clips if one.name == clip.name]
    if is_by_name and len(alike) > 1:
        return None
    said = {row.text for row in rows if (row.clip.name == clip.name if is_by_name else row.clip == clip)}
    return said.pop() if len(said) == 1 else None


def known(split: Split) -> list[Row]:
    """The rows, without what would make a list unknown, which is known by the clips that it names.

    Those of lost clips where they are half of a speaker's, or come first; and all but one of a clip where few clips
    have most of them.
    """
    rows = list[Row]()
    for speaker in dict.fromkeys(row.clip.speaker for row in split.rows):
        own = [row for row in split.rows if row.clip.speaker == speaker]
        lost = [not split.has(row.clip) for row in own]
        if lost[0] or 2 * sum(lost) > len(own):
            own = [row for row in own if split.has(row.clip)]
        if 3 * len({row.clip for row in own}) < 2 * len(own):
            own = list({row.clip: row for row in own}.values())
        rows += own
    return rows
