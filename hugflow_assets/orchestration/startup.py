"""What every process that Dagster starts begins with, where our own commands have ``cli.startup``."""

from __future__ import annotations

import logging

from hugflow_assets.errors import SettingsError
from hugflow_assets.logs import configure_logs
from hugflow_assets.settings import export_network, load_settings


def begin_process() -> None:
    """Network and log as the settings say: libraries' messages on stderr, without secrets.

    Wrong settings are told by the first tick, run or check, by name; they keep no definition from loading.
    """
    try:
        settings = load_settings()
    except SettingsError:
        return
    export_network(settings)
    configure_logs(settings)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_not_dagster)


def _not_dagster(record: logging.LogRecord) -> bool:
    """Dagster writes its own log itself; written once more it would be there twice."""
    return record.name.partition(".")[0] not in ("dagster", "dagster-webserver")
