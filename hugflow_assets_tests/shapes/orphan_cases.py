"""Tables beside clips that are called as another language or split is: whatever these are called, none is theirs."""

from __future__ import annotations

from collections.abc import Sequence

from hugflow_assets_tests.shapes.join_cases import CONTAINERS, Files, Join, clip, packed, row, table


def orphans(container: str, own: tuple[str, str], lone: Sequence[tuple[str, str]], record: str) -> Join:
    """A table with its clips, and others beside clips of the same base names that are not theirs.

    Args:
        own: the table and the place of its clips.
        lone: likewise, of tables without clips and places without a table.
        record: where the rows of ``own`` land; those of the others land in another.
    """
    files, records = Files(), {f"{record}.jsonl": [row(f"{at}.wav", clip(f"own {at}")) for at in range(2)]}
    for name, place in (own, *lone):
        is_own = name == own[0]
        rows = [row(f"{at}.wav", clip(f"{'own' if is_own else place} {at}")) for at in range(2)]
        files |= packed(container, place, {one["path"]: one["audio"] for one in rows})
        files[name] = table(rows, name.rpartition(".")[2])
        if not is_own:
            stem = name.rpartition(".")[0]
            records[f"{stem}.jsonl"] = [one | {"audio": None} for one in rows]
    return Join(files, records, {"rows_joined": 2, "rows_absent": 2 * len(lone)})


def alone(container: str, name: str, place: str, record: str) -> Join:
    """A table and a place of clips that are called otherwise, and not as another language or split."""
    rows = [row(f"{at}.wav", clip(f"{at}")) for at in range(2)]
    files = {**packed(container, place, {one["path"]: one["audio"] for one in rows}), name: table(rows)}
    return Join(files, {f"{record}.jsonl": rows}, {"rows_joined": 2})


def of_all(container: str) -> Join:
    """A table of all clips beside those of the splits: its rows are not train's."""
    rows = [row(f"{at}.wav", clip(f"{at}")) for at in range(3)]
    tables = {"train.tsv": rows[:2], "test.tsv": rows[2:], "metadata.tsv": rows}
    files = packed(container, "wavs", {one["path"]: one["audio"] for one in rows})
    files |= {name: table(own) for name, own in tables.items()}
    return Join(files, {f"{name[:-4]}.jsonl": own for name, own in tables.items()}, {"rows_joined": 6})


ORPHANS = {
    **{f"a table of all beside those of splits, in a {where}": of_all(where) for where in ("folder", "tar")},
    **{
        f"a language beside another's {where}": orphans(where, ("fr.tsv", "fr"), [("de.tsv", "it")], "fr")
        for where in CONTAINERS
    },
    **{
        f"locales beside another's {where}": orphans(
            where, ("pt_br.csv", "audio/pt_br"), [("zh_cn.csv", "audio/zh_tw")], "pt_br"
        )
        for where in ("folder", "zip")
    },
    "a language in words beside another's folder": orphans(
        "folder", ("hausa.tsv", "hausa_clips"), [("yoruba.tsv", "igbo_clips")], "hausa"
    ),
    **{
        f"a split beside another's {where}": orphans(
            where, ("fr/train.csv", "fr/train"), [("de/train.csv", "de/test")], "fr/train"
        )
        for where in CONTAINERS
    },
    "a table of one name, clips of another": alone("zip", "corpus.tsv", "wavs", "train"),
    "a language's table, clips of no language": alone("tar", "dutch_texts.tsv", "my_speech", "dutch_texts"),
    "a code and a word for a language": alone("folder", "de.tsv", "german", "de"),
}
