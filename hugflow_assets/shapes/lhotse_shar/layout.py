"""Which files of a repository are Lhotse Shar, and which of them belong together.

As Lhotse's ``SharWriter`` names them: ``cuts.000000.jsonl.gz`` beside ``recording.000000.tar``, and tars or lists of
other fields (``features.000000.tar``), in one folder a split. See https://lhotse.readthedocs.io, ``lhotse.shar``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname

from hugflow_assets.formats.media import is_audio
from hugflow_assets.formats.names import SPLIT_WORDS, natural, split_in_stem
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.lhotse_shar.spec import SharSpec
from hugflow_assets.shapes.models import ConfigPlan, Shape, ShardSource, SplitPlan

RECORDING = "recording"
_CUTS = re.compile(r"cuts(?P<number>[^/]*?)\.jsonl(?:\.gz|\.bz2|\.xz|\.zst)?")
_FIELD = re.compile(r"(?P<field>[^./]+)(?P<number>[^/]*?)\.(?:tar(?:\.gz|\.bz2|\.xz)?|jsonl(?:\.gz|\.bz2|\.xz|\.zst)?)")
_FOLDERS = frozenset({"data", "shar", "shars", "lhotse", "lhotse_shar", "cuts", "manifests"})


@dataclass(frozen=True)
class SharSplit:
    """One split: by shard the list of cuts, the tars of audio by field, and the lists of other fields."""

    config: str
    name: str
    shards: tuple[tuple[str, Mapping[str, str], Mapping[str, str]], ...]


def is_shar(paths: Sequence[str]) -> bool:
    """Whether a list of cuts has a tar of recordings beside it, by their names."""
    return any(RECORDING in own for own in _fields(paths, _cuts(paths)).values())


def shar_splits(paths: Sequence[str], tar_names: Callable[[str], Sequence[str]]) -> list[SharSplit]:
    """The splits of Lhotse Shar in a repository; folders of cuts without recordings are left out.

    Args:
        tar_names: gives the names of members near the beginning of a tar: another field is audio if those are.
    """
    cuts = _cuts(paths)
    fields = _fields(paths, cuts)
    audio = _audio_fields(fields, tar_names)
    found: dict[tuple[str, str], list[tuple[str, Mapping[str, str], Mapping[str, str]]]] = {}
    names = _names([folder for folder in cuts if audio.get(folder)])
    for folder, key in names.items():
        for number in sorted(cuts[folder], key=natural):
            own = fields.get((folder, number), {})
            tars = {field: path for field, path in own.items() if field in audio[folder]}
            lists = {field: path for field, path in own.items() if ".jsonl" in basename(path)}
            found.setdefault(key, []).append((cuts[folder][number], tars, lists))
    return [SharSplit(config, name, tuple(shards)) for (config, name), shards in found.items()]


def _cuts(paths: Sequence[str]) -> dict[str, dict[str, str]]:
    """By folder and number, the lists of cuts."""
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        if match := _CUTS.fullmatch(basename(path)):
            found.setdefault(dirname(path), {})[match["number"]] = path
    return found


def _fields(paths: Sequence[str], cuts: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """By folder and number, what else belongs to the cuts, by field."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for path in paths if cuts else ():
        match = _FIELD.fullmatch(basename(path))
        if match and match["field"] != "cuts" and match["number"] in cuts.get(dirname(path), {}):
            found.setdefault((dirname(path), match["number"]), {})[match["field"]] = path
    return found


def _audio_fields(
    fields: Mapping[tuple[str, str], Mapping[str, str]], tar_names: Callable[[str], Sequence[str]]
) -> dict[str, list[str]]:
    """By folder, the fields whose tars hold audio, recordings first; of other fields the first tar is looked at."""
    found: dict[str, list[str]] = {}
    looked: set[tuple[str, str]] = set()
    for (folder, _), own in fields.items():
        for field, path in own.items():
            if ".tar" not in basename(path) or (folder, field) in looked:
                continue
            looked.add((folder, field))
            if field == RECORDING or any(is_audio(name) for name in tar_names(path)):
                found.setdefault(folder, []).append(field)
    return {folder: sorted(names, key=lambda name: name != RECORDING) for folder, names in found.items()}


def _names(folders: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Config and split of each folder; folders that speak of one split are splits of their own, called as they are."""
    made = {}
    for folder in folders:
        parts = [part for part in folder.split("/") if part and part.lower() not in _FOLDERS]
        split = next((word for part in reversed(parts) if (word := split_in_stem(part))), None)
        config = next((part for part in reversed(parts) if split_in_stem(part) is None), "default")
        made[folder] = (config, split or "train", re.sub(r"\W+", "_", parts[-1]) if parts else "train")
    if len({config for config, _, _ in made.values()} - {"default"}) == 1 and len(made) > 1:
        made = {folder: ("default", split, name) for folder, (_, split, name) in made.items()}
    alike = Counter((config, split) for config, split, _ in made.values())
    return {
        folder: (config, split if alike[config, split] == 1 or split not in SPLIT_WORDS else name)
        for folder, (config, split, name) in made.items()
    }


def shar_configs(splits: Sequence[SharSplit], files: Mapping[str, SourceFile]) -> tuple[ConfigPlan, ...]:
    """A shard a list of cuts, with its tars and lists."""
    configs: dict[str, list[SplitPlan]] = {}
    for split in splits:
        shards = tuple(
            ShardSource(
                index=index,
                files=tuple(files[path] for path in (cuts, *tars.values(), *lists.values())),
                shape=Shape.LHOTSE_SHAR,
                spec=SharSpec(audio=tuple(tars), lists=tuple(lists)),
            )
            for index, (cuts, tars, lists) in enumerate(split.shards)
        )
        configs.setdefault(split.config, []).append(SplitPlan(name=split.name, shards=shards))
    return tuple(ConfigPlan(name=name, splits=tuple(plans)) for name, plans in configs.items())
