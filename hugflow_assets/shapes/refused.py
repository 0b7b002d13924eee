"""What has a name and does not land: refused before download, as what it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hugflow_assets.shapes.file_lists import counted
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import ZIP, ConfigFiles, Layout, Recognised, Sight


def script(sight: Sight) -> Recognised | None:
    """A loading script: `datasets` runs none, and the Hub may hold a conversion to parquet."""
    if sight.script is None:
        return None
    description = f"a loading script ({sight.script}), which `datasets` no longer runs"
    return Recognised(Shape.UNSUPPORTED, description, is_script=True)


def partial_conversion(sight: Sight) -> Recognised | None:
    """A conversion by the Hub that stops after 5 GB of a split: not the dataset, whatever its shape."""
    partial = partial_splits(sight.layout) if sight.converted else []
    if not partial:
        return None
    return Recognised(Shape.UNSUPPORTED, f"a conversion that holds only the first 5 GB of {', '.join(partial)}")


def partial_splits(layout: Layout, subset: str | None = None, split: str | None = None) -> list[str]:
    """``config/split`` of what a conversion holds the beginning of only, as far as it is asked for."""
    return [
        f"{config.name}/{name}"
        for config in layout.configs
        for name, _ in config.splits
        if name.startswith("partial-")
        and subset in (None, config.name)
        and split in (None, name.removeprefix("partial-"))
    ]


def conversion_layout(paths: Sequence[str]) -> Layout:
    """Configs and splits of a conversion branch, ``{config}/{split}/0000.parquet``; ``partial-`` stays."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(paths):
        if match := re.fullmatch(r"([^/]+)/([^/]+)/\d{4,}\.parquet", path):
            found.setdefault(match[1], {}).setdefault(match[2], []).append(path)
    configs = tuple(
        ConfigFiles(config, tuple((split, tuple(files)) for split, files in splits.items()))
        for config, splits in found.items()
    )
    return Layout("parquet", configs) if configs else Layout(None, (), "no conversion of the Hub is in it")


def archives_in_zip(sight: Sight) -> Recognised | None:
    """Zip archives, whose content decides."""
    files = [path for path in sight.data_files if path.lower().endswith(".zip")]
    if files and (sight.layout.module == ZIP or len(files) == len(sight.data_files)):
        return Recognised(Shape.UNSUPPORTED, counted(files, "zip archive"))
    return None


def other_media(sight: Sight) -> Recognised | None:
    """Everything else that `datasets` has a module for."""
    if sight.layout.module is None:
        return None
    return Recognised(Shape.UNSUPPORTED, f"{sight.layout.module}: {counted(sight.data_files, 'file')}")
