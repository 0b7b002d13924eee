"""The clips that lists in a folder may speak of: the audio below it, in files and in zip archives."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hugflow_assets.hub import Hub
from hugflow_assets.shapes.join.clips import Names, write_names
from hugflow_assets.shapes.join.paths import is_audio
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.zip_directory import zip_members


def clips_below(folder: str, shard: Shard, sources: Sources, to: Path) -> Names:
    """Their paths, written to ``to``; those of all are listed once for all shards of the landing."""
    every = _all_clips(shard, sources)
    with pa.memory_map(str(every)) as source:
        names = pa.ipc.open_file(source).read_all().column("name")
    if folder:
        names = names.filter(pc.starts_with(names, f"{folder}/"))
    write_names((name for chunk in names.chunks for name in chunk.to_pylist()), to)
    return Names(to, "")


def _all_clips(shard: Shard, sources: Sources) -> Path:
    are_zipped = any(file.archive is not None for file in (*shard.source.files, *shard.source.beside))
    told = f"{shard.repo_id}\0{shard.commit}\0{are_zipped}"
    target = sources.shared_folder / f"clips-{sha256(told.encode()).hexdigest()[:32]}.names.arrow"
    with sources.making(target) as is_made:
        if not is_made:
            write_names(_paths(shard, are_zipped), target)
    return target


def _paths(shard: Shard, are_zipped: bool) -> Iterator[str]:
    hub = Hub(shard.access)
    for file in hub.files(shard.repo_id, shard.commit):
        if is_audio(file.path):
            yield file.path
        elif are_zipped and file.path.lower().endswith(".zip"):
            members = zip_members(file, partial(hub.read_range, shard.repo_id, shard.commit, file))
            yield from (member.path for member in members if is_audio(member.path))
