"""The files of a repository, as the clips that its tables may name."""

from __future__ import annotations

from hashlib import sha256

from hugflow_assets.hub import Hub
from hugflow_assets.shapes.join.clips import Names, write_names
from hugflow_assets.shapes.join.paths import is_audio
from hugflow_assets.shapes.reader_inputs import Shard, Sources


def repo_clips(shard: Shard, sources: Sources, *, of_any_kind: bool = False) -> Names:
    """The paths of its audio, or of all files, at the commit; listed once for all shards of the landing."""
    told = f"{shard.repo_id}\0{shard.commit}\0{of_any_kind}"
    target = sources.shared_folder / f"names-{sha256(told.encode()).hexdigest()[:32]}.arrow"
    with sources.making(target) as is_made:
        if not is_made:
            files = Hub(shard.access).files(shard.repo_id, shard.commit)
            write_names((file.path for file in files if of_any_kind or is_audio(file.path)), target)
    return Names(target, "")
