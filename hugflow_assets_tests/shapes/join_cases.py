"""Small corpora whose clips have namesakes, in every container, and what each row must have: its own clip or none."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hugflow_assets_tests.datasets_made import tar_bytes, zip_bytes

Files = dict[str, Any]
Rows = list[dict[str, Any]]
CONTAINERS = ("folder", "zip", "tar", "tar.gz")


@dataclass(frozen=True)
class Join:
    """``records``: each record below ``json/`` to its rows, the clips as their bytes; only these columns are compared.

    ``counts`` must be among the manifest's; ``is_ordered``: the rows come in the order of their tables.
    """

    files: Files
    records: Mapping[str, Rows]
    counts: Mapping[str, int] = field(default_factory=dict)
    is_ordered: bool = True


def clip(name: str) -> bytes:
    """Bytes that no other clip has."""
    return b"RIFF" + name.encode()


def packed(container: str, name: str, members: Mapping[str, bytes]) -> Files:
    """Files in a folder or an archive."""
    if container == "folder":
        return {f"{name}/{path}": data for path, data in members.items()}
    if container == "zip":
        return {f"{name}.zip": zip_bytes(members)}
    return {f"{name}.{container}": tar_bytes(members, compression="gz" if container == "tar.gz" else "")}


def table(rows: Rows, ending: str = "tsv") -> bytes:
    """Rows as a table, without their clips."""
    cells = [{name: value for name, value in row.items() if name != "audio"} for row in rows]
    if ending == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in cells).encode()
    if ending == "json":
        return json.dumps(cells).encode()
    out = io.StringIO()
    writer = csv.DictWriter(out, list(cells[0]), delimiter="\t" if ending == "tsv" else ",", lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return out.getvalue().encode()


def row(path: str, data: bytes | None, column: str = "path") -> dict[str, Any]:
    """A row that names a clip, and the clip that it must have."""
    return {column: path, "text": f"of {path}", "audio": data}


# ---- one place, namesakes in it


def two_speakers(
    container: str, style: Callable[[str], str], ending: str = "tsv", *, inside: bool = False, root: str = ""
) -> Join:
    """Each table names one speaker; one clip is absent and has a namesake, one speaker is in no table."""
    members, tables, records = dict[str, bytes](), dict[str, bytes](), dict[str, Rows]()
    for split, speaker in (("train", "A"), ("test", "B")):
        rows = []
        for number in range(3):
            name = f"{speaker}/{number:03}.wav"
            is_there = (speaker, number) != ("A", 2)
            if is_there:
                members[root + name] = clip(name)
            rows.append(row(style(name), clip(name) if is_there else None))
        tables[f"{split}.{ending}"], records[f"{split}.jsonl"] = table(rows, ending), rows
    members[f"{root}C/000.wav"] = clip("C")
    counts = {"table_rows": 6, "rows_joined": 5, "rows_absent": 1}
    if inside:
        return Join(packed(container, "waves", members | tables), records, counts)
    return Join({**packed(container, "waves", members), **tables}, records, counts)


STYLES: dict[str, Callable[[str], str]] = {
    "as they are": lambda name: name,
    "below a root of the maker's": lambda name: f"/data/corpus/{name}",
    "with backslashes and a drive": lambda name: f"C:\\data\\{name}".replace("/", "\\"),
    "without an ending": lambda name: name.removesuffix(".wav"),
    "from where they are": lambda name: f"./{name}",
    "as addresses": lambda name: f"https://example.org/speech/{name}",
}


def in_any_order(container: str) -> Join:
    """The table is in another order than the archive, and one clip is named by several rows."""
    members = {f"{name}.wav": clip(name) for name in "abcde"}
    rows = [{**row(f"{name}.wav", clip(name)), "text": f"row {at}"} for at, name in enumerate("edacbaa")]
    counts = {"clips_in_source": 5, "clips_named": 5, "rows_joined": 7}
    return Join({**packed(container, "clips", members), "train.tsv": table(rows)}, {"train.jsonl": rows}, counts)


def odd_names(container: str) -> Join:
    """Names in two forms of Unicode, escaped as in addresses, with backslashes."""
    named = {
        unicodedata.normalize("NFD", "é.wav"): "é.wav", "a%20b.wav": "a b.wav", "%C3%BC.wav": "ü.wav",
        ".\\x\\c&d.wav": "c&d.wav", "100%.wav": "100%.wav",
    }  # fmt: skip
    members = {f"x/{name}": clip(name) for name in named.values()}
    rows = [row(path, clip(name)) for path, name in named.items()]
    return Join({**packed(container, "speech", members), "train.tsv": table(rows)}, {"train.jsonl": rows})


def many_namesakes(container: str) -> Join:
    """More folders with one name than are compared one by one."""
    members = {f"spk{number}/w/000.wav": clip(f"{number}") for number in range(12)}
    rows = [row(f"/x/{name}", data) for name, data in members.items()]
    rows += [row("/x/spk99/w/000.wav", None), row("000.wav", None)]
    counts = {"rows_joined": 12, "rows_absent": 1, "rows_ambiguous": 1}
    return Join({**packed(container, "all", members), "train.tsv": table(rows)}, {"train.jsonl": rows}, counts)


# ---- several places


def names_anew(container: str, names: Sequence[str], record: Callable[[str], str]) -> Join:
    """A table beside each archive, whose clips are numbered anew; a row of each is of no clip."""
    files, records = Files(), dict[str, Rows]()
    for name in names:
        rows = [row(f"{number}.wav", clip(f"{name} {number}")) for number in range(2)] + [row("7.wav", None)]
        members = {one["path"]: one["audio"] for one in rows if one["audio"]}
        files |= {**packed(container, name, members), f"{name}.tsv": table(rows)}
        records.setdefault(record(name), []).extend(rows)
    counts = {"table_rows": 3 * len(names), "rows_absent": len(names)}
    return Join(files, records, counts, is_ordered=len(records) > 1)


def one_table(container: str) -> Join:
    """One table of several archives: names that two of them have are nobody's."""
    files = Files()
    for number in range(2):
        members = {"0.wav": clip(f"{number}"), f"u{number}.wav": clip(f"u{number}")}
        files |= packed(container, f"audio/train_{number}", members)
    rows = [row("0.wav", None), row("u0.wav", clip("u0")), row("u1.wav", clip("u1")), row("u2.wav", None)]
    counts = {"rows_joined": 2, "rows_ambiguous": 1, "rows_absent": 1, "clips_in_source": 4, "clips_unnamed": 2}
    return Join({**files, "train.tsv": table(rows)}, {"train.jsonl": rows}, counts, is_ordered=False)


def one_metadata(container: str, name: Callable[[str, int], str], path: Callable[[str, int], str]) -> Join:
    """One table of archives that tell the splits apart: a row is of the split of its clip."""
    files, records = Files(), dict[str, Rows]()
    for split in ("train", "test"):
        both = [(name(split, number), path(split, number)) for number in range(2)]
        files |= packed(container, split, {inner: clip(f"{split} {inner}") for inner, _ in both})
        records[f"{split}.jsonl"] = [row(named, clip(f"{split} {inner}"), "file_name") for inner, named in both]
    rows = [one for rows in records.values() for one in rows]
    return Join({**files, "metadata.csv": table(rows, "csv")}, records, {"rows_joined": 4})


def own_gone(container: str, names: Sequence[str], record: Callable[[str], str], table_gone: int = 2) -> Join:
    """Parts with a table and an archive each, whose clips are numbered anew: one has no archive, another no table."""
    files, records = Files(), dict[str, Rows]()
    for at, name in enumerate(names):
        rows = [row(f"{number}.wav", clip(f"{name} {number}") if at != 1 else None) for number in range(2)]
        if at != 1:
            files |= packed(container, f"audio/{name}", {one["path"]: one["audio"] for one in rows})
        if at != table_gone:
            files[f"{name}.tsv"] = table(rows)
            records.setdefault(record(name), []).extend(rows)
    return Join(files, records, {"rows_absent": 2}, is_ordered=len(records) > 1)


def split_gone(container: str) -> Join:
    """A split whose archive is not there, beside one that has its own, in two languages."""
    files, records = Files(), dict[str, Rows]()
    for config in ("en", "de"):
        for split in ("train", "test"):
            is_there = (config, split) == ("en", "train")
            rows = [row(f"{number}.wav", clip(f"{number}") if is_there else None) for number in range(2)]
            files[f"{config}/{split}.tsv"], records[f"{config}/{split}.jsonl"] = table(rows), rows
            if is_there:
                files |= packed(container, f"{config}/{split}", {one["path"]: one["audio"] for one in rows})
    return Join(files, records, {"rows_joined": 2, "rows_absent": 6})


def speakers_gone(container: str) -> Join:
    """Tables and folders that are called as speakers are, one of whose folders is not there."""
    files, records = Files(), dict[str, Rows]()
    for speaker in "AB":
        rows = [row(f"{number}.wav", clip(f"{speaker} {number}") if speaker == "A" else None) for number in range(2)]
        files[f"txt/{speaker}.tsv"], records[f"{speaker}.jsonl"] = table(rows), rows
        if speaker == "A":
            files |= packed(container, "wav48/A", {one["path"]: one["audio"] for one in rows})
    return Join(files, records, {"rows_absent": 2, "rows_joined": 2})


def whole_table(ending: str) -> Join:
    """A table of all clips, which folders of splits tell apart: a row is of the split of its clip, or of its path."""
    files, records = Files(), dict[str, Rows]()
    for split in ("train", "dev", "test"):
        rows = [row(f"{split}/{number}.wav", clip(f"{split} {number}")) for number in range(2)]
        files |= {one["path"]: one["audio"] for one in rows}
        records[f"{split}.jsonl"] = [*rows, row(f"/mnt/{split}/gone.wav", None)]
    rows = [one for rows in records.values() for one in rows]
    return Join({**files, f"transcripts.{ending}": table(rows, ending)}, records, {"rows_joined": 6, "rows_absent": 3})


def absent_of_splits(files: Files, clips: Mapping[str, Sequence[str]], gone: Mapping[str, str]) -> Join:
    """One metadata file: each row of no file is of the split that its path speaks of."""
    records: dict[str, Rows] = {}
    for split, names in clips.items():
        files |= {name: clip(name) for name in names}
        rows = [row(name, clip(name), "file_name") for name in names]
        records[f"{split}.jsonl"] = [*rows, row(gone[split], None, "file_name")]
    rows = [one for rows in records.values() for one in rows]
    return Join({**files, "metadata.csv": table(rows, "csv")}, records, {"rows_absent": len(gone)})


def archives_and_absent(container: str) -> Join:
    """Likewise where archives tell the splits apart."""
    files, records = Files(), dict[str, Rows]()
    for split in ("train", "test"):
        rows = [row(f"{split}/{number}.wav", clip(f"{split} {number}"), "file_name") for number in range(2)]
        files |= packed(container, split, {one["file_name"]: one["audio"] for one in rows})
        records[f"{split}.jsonl"] = [*rows, row(f"{split}/gone.wav", None, "file_name")]
    rows = [one for rows in records.values() for one in rows]
    files["metadata.csv"] = table(rows, "csv")
    return Join(files, records, {"rows_joined": 4, "rows_absent": 2}, is_ordered=False)


def other_endings(container: str) -> Join:
    """Clips of another ending, or one in other case, than rows say; not where another row has the clip as it is."""
    members = {"a.flac": clip("a"), "b.WAV": clip("b"), "c.wav": clip("c"), "d.wav": clip("d"), "d.ogg": clip("D")}
    rows = [row("a.mp3", clip("a")), row("b.wav", clip("b")), row("c.wav", clip("c")), row("c.mp3", None),
            row("d.mp3", None)]  # fmt: skip
    counts = {"rows_joined": 3, "rows_absent": 1, "rows_ambiguous": 1}
    files = {**packed(container, "clips", members), "train.csv": table(rows, "csv")}
    return Join(files, {"train.jsonl": rows}, counts)


def local_names(container: str) -> Join:
    """Each split has a folder with its table, and clips of the same names."""
    files, records = Files(), dict[str, Rows]()
    for split in ("train", "test"):
        rows = [row(f"{number}.wav", clip(f"{split} {number}")) for number in range(2)]
        members = {f"wavs/{one['path']}": one["audio"] for one in rows}
        rows += [row("2.wav", None if split == "train" else clip("test 2"))]
        members |= {} if split == "train" else {"wavs/2.wav": clip("test 2")}
        files |= {**packed(container, split, members), f"{split}/{split}.csv": table(rows, "csv")}
        records[f"{split}.jsonl"] = rows
    return Join(files, records, {"rows_joined": 5, "rows_absent": 1})


def languages(container: str, place: str) -> Join:
    """Languages with splits of the same names, and clips of the same names."""
    files, records = Files(), dict[str, Rows]()
    for config in ("en", "de"):
        for split in ("train", "test"):
            rows = [row(f"{number}.wav", clip(f"{config} {split} {number}")) for number in range(2)]
            members = {one["path"]: one["audio"] for one in rows}
            if (config, split) == ("en", "test"):
                del members["1.wav"]
                rows[1]["audio"] = None
            files |= packed(container, f"{place}{config}/{split}", members)
            files[f"{config}/{split}.tsv"] = table(rows)
            records[f"{config}/{split}.jsonl"] = rows
    return Join(files, records, {"rows_joined": 7, "rows_absent": 1})


# ---- metadata and splits


def metadata(names: Mapping[str, str | None], at: str = "", ending: str = "csv", gone: str = "") -> Join:
    """One metadata file: paths of clips to the records that their rows belong to; None lies there without a row."""
    files = {path: clip(path) for path in names}
    rows = [row(path.removeprefix(at), clip(path), "file_name") for path, record in names.items() if record]
    records: dict[str, Rows] = {}
    for one, record in zip(rows, filter(None, names.values()), strict=True):
        records.setdefault(f"{record}.jsonl", []).append(one)
    if gone:
        rows.append(row("gone.wav", None, "file_name"))
        records[f"{gone}.jsonl"].append(rows[-1])
    return Join({**files, f"{at}metadata.{ending}": table(rows, ending)}, records, {"table_rows": len(rows)})


def orphans(container: str, own: str, their: str) -> Join:
    """A table whose clips are not there, beside clips of the same names that are called as something else is."""
    files, records = Files(), dict[str, Rows]()
    for name in ("en", own):
        rows = [row(f"{number}.wav", clip(f"en {number}") if name == "en" else None) for number in range(2)]
        files[f"{name}.tsv"] = table(rows)
        records[f"{name}.jsonl"] = rows
    for name in ("en", their):
        files |= packed(container, name, {f"{number}.wav": clip(f"{name} {number}") for number in range(2)})
    return Join(files, records, {"table_rows": 4, "rows_joined": 2, "rows_absent": 2})


def about_clips() -> Join:
    """Tables that only measure clips, or tell of some that were reported, are no splits."""
    files = {f"clips/{name}.wav": clip(name) for name in "abc"}
    train, test = [row("a.wav", clip("a")), row("b.wav", clip("b"))], [row("c.wav", clip("c"))]
    files |= {"train.tsv": table(train), "test.tsv": table(test), "reported.tsv": b"path\treason\na.wav\tbad\n"}
    files |= {"clip_durations.tsv": b"clip\tduration[ms]\na.wav\t1\n", "times.csv": b"path,duration\na.wav,1\n"}
    return Join(files, {"train.jsonl": train, "test.jsonl": test})


def blocks(count: int) -> Join:
    """A table and an archive a block, more than a handful."""
    files, records = Files(), dict[str, Rows]()
    for number in range(count):
        name = f"B{number:05}"
        records[f"{name}.jsonl"] = [row(f"{name}/{number % 7}.mp3", clip(name), "wav")]
        files[f"DE/{name}.tar"] = tar_bytes({f"{name}/{number % 7}.mp3": clip(name)})
        files[f"DE/{name}.jsonl"] = table(records[f"{name}.jsonl"], "jsonl")
    return Join(files, records, {"rows_joined": count})


def listed(is_there: bool) -> Join:
    """A list whose ids have folders, by which namesakes are told apart."""
    rows = [row(f"{speaker}/{number}", clip(f"{speaker} {number}"), "id") for speaker in "ab" for number in range(2)]
    texts = "".join(f"{one['id']} {one['text']}\n" for one in rows).encode()
    rows = rows if is_there else rows[:-1]
    clips = {f"wav/{one['id']}.wav": one["audio"] for one in rows}
    return Join({**clips, "text/transcript.txt": texts}, {"train.jsonl": rows}, {"rows_joined": len(rows)})


JOINS: dict[str, Join] = {
    "a list whose ids have folders": listed(is_there=True),
    "a list whose ids have folders, one clip absent": listed(is_there=False),
    **{f"two speakers in a {where}": two_speakers(where, STYLES["as they are"]) for where in CONTAINERS},
    **{f"two speakers, named {style}": two_speakers("tar", named) for style, named in STYLES.items()},
    **{f"two speakers, loose, named {style}": two_speakers("folder", named) for style, named in STYLES.items()},
    **{
        f"two speakers, the tables beside their clips in a {where}": two_speakers(
            where, STYLES["below a root of the maker's"], "csv", inside=True, root="corpus/wav/"
        )
        for where in CONTAINERS
    },
    **{f"two speakers in {ending}": two_speakers("zip", STYLES["as they are"], ending) for ending in ("jsonl", "json")},
    **{f"rows in another order than a {where}": in_any_order(where) for where in CONTAINERS},
    **{f"odd names in a {where}": odd_names(where) for where in ("folder", "zip", "tar.gz")},
    **{f"many namesakes in a {where}": many_namesakes(where) for where in ("folder", "tar")},
    **{
        f"languages crosswise, a {where} each": names_anew(where, ("en", "de"), lambda name: f"{name}.jsonl")
        for where in CONTAINERS
    },
    **{
        f"shards numbered anew, a {where} each": names_anew(where, ("train_0", "train_1"), lambda _: "train.jsonl")
        for where in CONTAINERS
    },
    **{f"one table of several, each a {where}": one_table(where) for where in CONTAINERS},
    "one table of two zips, paths below their splits": one_metadata("zip", "{}/{}.wav".format, "{}/{}.wav".format),
    "one table of two zips, archives as folders": one_metadata("zip", lambda _, n: f"{n}.wav", "{}/{}.wav".format),
    "one table of two tars, base names": one_metadata("tar", "x/{}_{}.wav".format, "{}_{}.wav".format),
    **{f"local names, a {where} a split": local_names(where) for where in CONTAINERS},
    **{f"languages, a {where} a split": languages(where, "") for where in ("folder", "tar")},
    "languages, clips apart from tables": languages("folder", "audio/"),
    "metadata, splits by the names of files": metadata(
        {"audio/train_0.wav": "train", "audio/test_0.wav": "test", "audio/train_1.wav": "train"}, gone="train"
    ),
    "metadata beside such files": metadata({"a/train-0.wav": "train", "a/val-0.wav": "validation"}, at="a/"),
    "metadata go before words in names": metadata(
        {"a train.wav": "train", "cat.wav": "train", "test tubes.wav": "train", "dev.wav": None}, ending="jsonl"
    ),
    "metadata above folders in capitals": metadata({"TRAIN/0.wav": "train", "TEST/0.wav": "test"}),
    "metadata above splits and another folder": metadata(
        {"train/0.wav": "train", "test/0.wav": "test", "more/0.wav": "train"}
    ),
    **{
        f"parts without their own, a {where} each": own_gone(
            where, ("train_0", "train_1", "train_2", "train_3"), lambda _: "train.jsonl"
        )
        for where in CONTAINERS
    },
    **{
        f"parts by number alone, a {where} each": own_gone(
            where, ("manifest_0", "manifest_1", "manifest_2", "manifest_3"), lambda _: "train.jsonl"
        )
        for where in ("folder", "tar")
    },
    **{
        f"languages without their own, a {where} each": own_gone(
            where, ("en", "de", "fr"), lambda name: f"{name}.jsonl", table_gone=9
        )
        for where in ("folder", "tar")
    },
    **{f"a split without its own {where}": split_gone(where) for where in CONTAINERS},
    **{f"a speaker without its folder, a {where} each": speakers_gone(where) for where in ("folder", "tar")},
    **{f"one table of split folders, {ending}": whole_table(ending) for ending in ("tsv", "jsonl")},
    "metadata with absent files below folders of splits": absent_of_splits(
        {},
        {"train": ["data/train/0.wav"], "test": ["data/test/0.wav"]},
        {"train": "C:\\x\\data\\train\\9.wav", "test": "/mnt/x/test/9.wav"},
    ),
    "metadata with absent files whose names speak of splits": absent_of_splits(
        {}, {"train": ["a/train_0.wav"], "test": ["a/test_0.wav"]}, {"train": "a/train_9.wav", "test": "a/test_9.wav"}
    ),
    **{f"one table of two {where}s, with absent clips": archives_and_absent(where) for where in ("zip", "tar")},
    **{f"other endings than the rows say, in a {where}": other_endings(where) for where in ("folder", "zip", "tar")},
    **{
        f"{their} beside a table of {own}, {where}s": orphans(where, own, their)
        for where in ("folder", "tar")
        for own, their in (("de", "fr"), ("clara", "berta"))
    },
    "tables that are no splits": about_clips(),
    "forty blocks": blocks(40),
    "seventy blocks": blocks(70),
}
