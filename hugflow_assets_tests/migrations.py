"""Dagster's databases opened fast: the scripts of its migrations are read once a process, not once a database."""

from __future__ import annotations

import functools

from alembic.script import ScriptDirectory

_read = functools.cache(ScriptDirectory.from_config)  # of the three configurations that Dagster keeps itself


def read_once() -> None:
    ScriptDirectory.from_config = _read  # type: ignore[method-assign]
