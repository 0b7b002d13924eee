"""Folders of media files, with metadata at any level or without."""

from __future__ import annotations

from posixpath import basename

from hugflow_assets.formats.names import METADATA_NAMES
from hugflow_assets.formats.tables import first_line, names_files, split_line
from hugflow_assets.shapes.file_lists import counted
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight

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
