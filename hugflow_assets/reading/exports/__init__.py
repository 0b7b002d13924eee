"""A landed dataset in the form of another toolkit. Audio is named where it lies, and copied where that cannot be."""

from hugflow_assets.reading.exports.export import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
