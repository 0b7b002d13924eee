"""Folders of media files, with metadata at any level or without."""

from __future__ import annotations

from posixpath import basename

from hugflow_assets.formats.media import media_kind
from hugflow_assets.formats.names import METADATA_NAMES
from hugflow_assets.formats.tables import first_line, names_files, split_line
from hugflow_assets.shapes.file_lists import counted
from hugflow_assets.shapes.media_folders.splits import with_all_named
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Layout, Recognised, Sight

_SHAPES = {
    "audiofolder": (Shape.AUDIOFOLDER, "audio"),
    "imagefolder": (Shape.IMAGEFOLDER, "image"),
    "videofolder": (Shape.VIDEOFOLDER, "video"),
    "pdffolder": (Shape.PDFFOLDER, "pdf"),
    "niftifolder": (Shape.NIFTIFOLDER, "nifti"),
    "meshfolder": (Shape.MESHFOLDER, "mesh"),
    "pdb": (Shape.STRUCTUREFOLDER, "structure"),
    "mmcif": (Shape.STRUCTUREFOLDER, "structure"),
}


def media_folder(sight: Sight) -> Recognised | None:
    """Audio, image, video or pdf files, with metadata at any level, or without."""
    if sight.layout.module not in _SHAPES:
        return None
    shape, kind = _SHAPES[sight.layout.module]
    metadata = [path for path in sight.data_files if basename(path) in METADATA_NAMES]
    beside = f"with {counted(metadata, 'metadata file')}" if metadata else "without metadata"
    media = [path for path in sight.data_files if basename(path) not in METADATA_NAMES]
    return Recognised(shape, f"a folder of {kind}: {counted(media, f'{kind} file')} {beside}")


def is_metadata(sight: Sight, path: str) -> bool:
    """Whether a file is metadata of a media folder as `datasets` knows it, or says too little of itself to tell."""
    if basename(path) not in METADATA_NAMES:
        return False
    return not path.endswith(".csv") or names_files(split_line(first_line(sight.head(path)), ","))


def layout_by_metadata(sight: Sight) -> Layout:
    """The layout of a folder with metadata, whose splits lose none of the files that the metadata may name."""
    kind = _SHAPES.get(str(sight.layout.module), (None, ""))[1]
    if not kind or not any(is_metadata(sight, path) for path in sight.paths if basename(path) in METADATA_NAMES):
        return sight.layout
    return with_all_named(sight.layout, sight.paths, lambda path: media_kind(path) == kind, METADATA_NAMES)
