"""``hugflow export``: a landed dataset in the form of another toolkit, its audio where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.reading.path import NAME, REVISION, SPLIT, SUBSET

FORMAT = Annotated[
    str, typer.Option("--format", help="kaldi, webdataset, lhotse-shar, csv (SpeechBrain) or croissant (metadata).")
]
TO = Annotated[Path, typer.Option(help="The folder to write; it must not be there yet.")]


def export(
    name: NAME, form: FORMAT, to: TO, subset: SUBSET = None, split: SPLIT = None, revision: REVISION = None
) -> None:
    """Write a landed dataset for Kaldi, ESPnet, WeNet, WebDataset, Lhotse Shar or SpeechBrain; audio is not copied."""
    from hugflow_assets.reading import open_dataset
    from hugflow_assets.reading.exports import export as write
    from hugflow_assets.settings import load_settings

    root = load_settings().storage_root
    done = write(open_dataset(name, subset=subset, split=split, revision=revision, root=root), form, to)
    parts = [f"{done.clips:,} {'rows' if form == 'croissant' else 'clips'}"]
    parts += [f"{done.left_out:,} left out, which {form} cannot hold"] if done.left_out else []
    parts += [f"{done.copied:,} audio files copied"] if done.copied else ["no audio copied"]
    typer.echo(f"{done.path}: {', '.join(parts)}")
