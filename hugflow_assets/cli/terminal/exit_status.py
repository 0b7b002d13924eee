"""The exit status that an error means."""

from __future__ import annotations

from collections.abc import Iterator

from hugflow_assets import errors
from hugflow_assets.errors import REQUEST_AT_FAULT, HugflowError


def exit_status_of(code: str) -> int:
    """The exit status of an error's code; a rule without one of its own is the request's fault."""
    return _EXIT_STATUS.get(code, REQUEST_AT_FAULT)


def _kinds(kind: type[HugflowError]) -> Iterator[type[HugflowError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


_EXIT_STATUS = {kind.code: kind.exit_status for kind in _kinds(errors.HugflowError)}
