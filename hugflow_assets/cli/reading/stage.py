"""``hugflow stage``: a verified copy of a landed dataset on this node's own disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.reading.path import NAME, REVISION, SUBSET

TO = Annotated[Path, typer.Option(help="A folder on this node's own disk, such as $TMPDIR.")]
SPLITS = Annotated[str | None, typer.Option(help="Only these splits, with commas between them.")]
RELEASE = Annotated[bool, typer.Option("--release", help="End this job's use; the last one removes the copy.")]
JOB = Annotated[
    str | None,
    typer.Option(help="Who uses the copy. Left out: SLURM_JOB_ID, else the process that called, while it lives."),
]


def stage(
    name: NAME,
    to: TO,
    splits: SPLITS = None,
    release: RELEASE = False,
    job: JOB = None,
    subset: SUBSET = None,
    revision: REVISION = None,
) -> None:
    """Copy a landed dataset to this node's disk, verified and resumed; jobs share the copy. Prints its folder."""
    from hugflow_assets.reading import open_dataset
    from hugflow_assets.reading.stage import release as end
    from hugflow_assets.reading.stage import stage as copy
    from hugflow_assets.settings import load_settings
    from hugflow_assets.wording import human_size

    slurm = os.environ.get("SLURM_JOB_ID")
    who = job or (f"slurm-{slurm}" if slurm else str(os.getppid()))
    found = open_dataset(name, subset=subset, revision=revision, root=load_settings().storage_root)
    if release:
        gone = end(found.info.name, to, job=who)
        typer.echo(f"{to / found.info.name}: {'removed' if gone else 'kept, it is used or was not there'}", err=True)
        return
    wanted = tuple(one.strip() for one in splits.split(",") if one.strip()) if splits else ()
    done = copy(found, to, job=who, splits=wanted)
    typer.echo(f"{done.copied_files:,} files copied, {human_size(done.copied_bytes)}", err=True)
    typer.echo(done.path)
