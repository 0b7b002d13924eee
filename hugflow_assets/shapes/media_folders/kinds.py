"""The column and the feature of the files of each kind of folder."""

from __future__ import annotations

from hugflow_assets.shapes.models import Shape

BASE_COLUMNS = {
    Shape.AUDIOFOLDER: ("audio", "Audio"),
    Shape.IMAGEFOLDER: ("image", "Image"),
    Shape.VIDEOFOLDER: ("video", "Video"),
    Shape.PDFFOLDER: ("pdf", "Pdf"),
    Shape.NIFTIFOLDER: ("nifti", "Nifti"),
    Shape.MESHFOLDER: ("mesh", "Mesh"),
    Shape.STRUCTUREFOLDER: ("structure", "BioStructure"),
}
