"""Which folder a name means: an id of the Hub, a storage name, or a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from hugflow_assets.errors import HFSplitNotFoundError, HFSubsetNotFoundError, ManifestError, UnknownDatasetError
from hugflow_assets.reading.dataset import Dataset
from hugflow_assets.reading.manifest_file import MANIFEST, read_manifest

if TYPE_CHECKING:
    from hugflow_assets.reading.following import Following


@overload
def open_dataset(
    name: str | Path,
    *,
    subset: str | None = ...,
    split: str | None = ...,
    revision: str | None = ...,
    root: str | Path | None = ...,
    follow: Literal[False] = ...,
) -> Dataset: ...


@overload
def open_dataset(
    name: str | Path,
    *,
    subset: str | None = ...,
    split: str | None = ...,
    revision: str | None = ...,
    root: str | Path | None = ...,
    follow: Literal[True],
) -> Following: ...


def open_dataset(
    name: str | Path,
    *,
    subset: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    root: str | Path | None = None,
    follow: bool = False,
) -> Dataset | Following:
    """Open a landed dataset: a light handle that reads rows when they are asked for.

    Args:
        name: an id of the Hub (``org/name``), a storage name (``org__name__rev_main``), or the folder itself.
        subset: the config; None: all that landed, also where that is one subset.
        split: the split; None: all that landed, in the order of the source.
        revision: as it was requested; None: any, where only one has landed.
        root: the storage root; None: ``HUGFLOW_ROOT``, else ``STORAGE_ROOT``, else ``datasets`` in this folder.
        follow: also a dataset that is still landing, or about to: its rows are given as they are verified; see
            ``Following``.
    Raises:
        UnknownDatasetError: nothing of that name is landed, or several landings fit.
        HFSubsetNotFoundError, HFSplitNotFoundError: it is landed without that subset or split.
        ManifestError: its manifest cannot be read.

    Example:
        >>> speech = open_dataset("openslr/librispeech_asr", subset="clean", split="test")  # doctest: +SKIP
        >>> speech[0]["audio"]["path"], speech[0]["text"]  # doctest: +SKIP
    """
    if follow:
        return _followed(name, subset, split, revision, root)
    folder = _folder(name)
    if folder is None:
        folder = _landed(str(name), subset, split, revision, _root(root))
    found = Dataset(folder, read_manifest(folder))
    return _selected(found, subset, split)


def _followed(
    name: str | Path, subset: str | None, split: str | None, revision: str | None, root: str | Path | None
) -> Following:
    from hugflow_assets.reading.following import Following
    from hugflow_assets.reading.landing_place import LandingPlace

    path = Path(name).expanduser()
    if isinstance(name, Path) or path.is_absolute() or str(name).startswith((".", "~")):
        return Following(LandingPlace(path.absolute().parent, path.name), subset, split)
    storage = _root(root)
    if not storage.is_dir():
        raise _no_root(storage)
    if "/" not in str(name):
        return Following(LandingPlace(storage, str(name)), subset, split)
    try:
        return Following(
            LandingPlace(storage, _landed(str(name), subset, split, revision, storage).name), subset, split
        )
    except UnknownDatasetError:
        asked = [LandingPlace(storage, one) for one in _names(str(name), subset, split, revision)]
        return Following(next((one for one in asked if one.is_known), asked[0]), subset, split)


def _names(hf_id: str, subset: str | None, split: str | None, revision: str | None) -> list[str]:
    """The storage names of what would hold this: asked for as it is here, first; then of more."""
    from hugflow_assets.intake import DatasetRequest
    from hugflow_assets.intake.names import storage_name

    asked = dict.fromkeys([(subset, split), (subset, None), (None, split), (None, None)])
    requests = [
        DatasetRequest(hf_id=hf_id, subset=one, split=two, revision=revision or "main", description="Followed.")
        for one, two in asked
    ]
    return [storage_name(request) for request in requests]


def _folder(name: str | Path) -> Path | None:
    """The folder, where a name is the path of one."""
    path = Path(name).expanduser()
    is_path = isinstance(name, Path) or path.is_absolute() or str(name).startswith((".", "~"))
    if (path / MANIFEST).is_file():
        return path.absolute()
    if is_path:
        raise UnknownDatasetError(f"{path} is no landed dataset: it has no {MANIFEST}.", remedy="Name its folder.")
    return None


def _root(root: str | Path | None) -> Path:
    found = root or os.environ.get("HUGFLOW_ROOT") or os.environ.get("STORAGE_ROOT") or "datasets"
    return Path(found).expanduser().absolute()


def _landed(name: str, subset: str | None, split: str | None, revision: str | None, root: Path) -> Path:
    if "/" not in name and (root / name / MANIFEST).is_file():
        return root / name
    known = dict(_manifests(root))
    of_it = {
        folder: manifest["request"]
        for folder, manifest in known.items()
        if manifest["request"].get("hf_id") == name and revision in (None, manifest["request"].get("revision", "main"))
    }
    asked = {"subset": subset, "split": split}
    fitting = {
        folder: one for folder, one in of_it.items() if all(one.get(at) in (None, asked[at]) for at in asked)
    } or {  # what has landed is a part of the repository, and nothing else of it was asked for
        folder: one for folder, one in of_it.items() if all(None in (one.get(at), asked[at]) for at in asked)
    }
    if not fitting:
        raise _unknown(name, subset, split, revision, root, list(known.values()))
    most = max(_exactness(request) for request in fitting.values())
    best = [folder for folder, request in fitting.items() if _exactness(request) == most]
    if len(best) > 1:
        names = ", ".join(sorted(folder.name for folder in best))
        raise UnknownDatasetError(
            f"{name!r} is landed several times: {names}.",
            remedy="Say which `revision`, `subset` or `split`, or open it by its storage name.",
        )
    return best[0]


def _exactness(request: dict[str, Any]) -> int:
    """How much of what was asked for a landing was made for: the more, the less there is to leave aside."""
    return (request.get("subset") is not None) + (request.get("split") is not None)


def _manifests(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every landed dataset that can be read; a damaged one is for who opens it by its name."""
    if not root.is_dir():
        raise _no_root(root)
    for folder in sorted(root.iterdir()):
        if folder.name.startswith(".") or not (folder / MANIFEST).is_file():
            continue
        try:
            yield folder, read_manifest(folder)
        except ManifestError:
            continue


def _no_root(root: Path) -> UnknownDatasetError:
    """What to say where the storage root is not."""
    return UnknownDatasetError(
        f"There is no storage root {root}.", remedy="Set HUGFLOW_ROOT or STORAGE_ROOT, or pass `root`."
    )


def _unknown(
    name: str, subset: str | None, split: str | None, revision: str | None, root: Path, known: list[dict[str, Any]]
) -> UnknownDatasetError:
    asked = [f"{what} {value!r}" for what, value in (("subset", subset), ("split", split)) if value is not None]
    asked += [f"revision {revision!r}"] if revision is not None else []
    what = f"{name!r} with {', '.join(asked)}" if asked else repr(name)
    names = {str(one["request"].get("hf_id")): None for one in known} | {str(one.get("name")): None for one in known}
    if name in names:
        landed = ", ".join(sorted(str(one["name"]) for one in known if one["request"].get("hf_id") == name))
        remedy = f"Landed of it: {landed}."
    elif near := get_close_matches(name, list(names), n=1, cutoff=0.6):
        remedy = f"Did you mean {near[0]!r}?"
    else:
        remedy = "`hugflow status` lists what is landed; a request makes it land."
    return UnknownDatasetError(f"{what} is not landed at {root}.", remedy=remedy)


def _selected(found: Dataset, subset: str | None, split: str | None) -> Dataset:
    if subset is not None and subset not in found.configs:
        raise HFSubsetNotFoundError(
            f"{found.info.name} has no subset {subset!r}; it has {', '.join(found.configs)}.",
            remedy="Name one of them.",
        )
    chosen = found.select(config=subset)
    if split is not None and split not in {name for _, name in chosen.parts}:
        names = ", ".join(dict.fromkeys(name for _, name in chosen.parts))
        raise HFSplitNotFoundError(f"{found.info.name} has no split {split!r}; it has {names}.", remedy="Name one.")
    return chosen.select(split=split)
