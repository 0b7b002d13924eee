"""The configs and splits that a request asks for, of those that there are."""

from __future__ import annotations

from dataclasses import replace

from hugflow_assets.errors import HFSplitNotFoundError, HFSubsetNotFoundError, HugflowError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.shapes.sight import ConfigFiles, Layout
from hugflow_assets.wording import listed, nearest_first


def select(request: DatasetRequest, layout: Layout, endpoint: str) -> tuple[ConfigFiles, ...]:
    """The configs and splits that the request asks for.

    Raises:
        HFSubsetNotFoundError, HFSplitNotFoundError: they are not there; what is there is named, nearest first.
    """
    configs = layout.configs
    if request.subset is not None and configs:
        names = [config.name for config in configs]
        if request.subset not in names:
            raise _absent(HFSubsetNotFoundError, "subset", request.subset, names, request, endpoint)
        configs = tuple(config for config in configs if config.name == request.subset)
    if request.split is None or not configs:
        return configs
    existing = list(dict.fromkeys(split for config in configs for split, _ in config.splits))
    if request.split not in existing:
        raise _absent(HFSplitNotFoundError, "split", request.split, existing, request, endpoint)
    kept = (
        replace(config, splits=tuple(one for one in config.splits if one[0] == request.split)) for config in configs
    )
    return tuple(config for config in kept if config.splits)


def _absent(
    kind: type[HugflowError], what: str, wanted: str, existing: list[str], request: DatasetRequest, endpoint: str
) -> HugflowError:
    near = nearest_first(wanted, existing)
    where = f"{request.hf_id} at {endpoint}, revision {request.revision}"
    if what == "split" and request.subset is not None:
        where += f", subset {request.subset}"
    return kind(
        f"The dataset {where}, has no {what} {wanted!r}. It has {listed(near)}.",
        remedy=f"Set `{what}: {near[0]}` or another of these, or leave {what} out to land all of them.",
        existing=near,
        repo=request.hf_id,
        revision=request.revision,
        endpoint=endpoint,
    )
