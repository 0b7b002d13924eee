"""The process log: structlog and every library's own log through one renderer, to stderr, without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import IO, Any

import structlog
from structlog.typing import EventDict, Processor

from hugflow_assets.settings import Settings, secret_values

REDACTED = "***"
OURS = "hugflow_assets"


def configure_logs(settings: Settings, stream: IO[str] | None = None) -> None:
    """Send the process log to ``stream`` (stderr) as LOG_LEVEL and LOG_FORMAT say. Safe to call again.

    Libraries tell every request and migration at INFO: they are heard from WARNING on, or with LOG_LEVEL=DEBUG.
    """
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(secret_values(settings)),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), pad_event_to=0)
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel("WARNING" if settings.log_level == "INFO" else settings.log_level)
    logging.getLogger(OURS).setLevel(settings.log_level)


class Redaction:
    """A processor that knows the values of the secrets, and takes them out of whatever is logged."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        return {name: self._clean(value) for name, value in event.items()} if self._secrets else event

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, REDACTED)
            return value
        if isinstance(value, MutableMapping):
            return {key: self._clean(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._clean(one) for one in value)
        if isinstance(value, int | float | bool) or value is None:
            return value
        return self._clean(str(value)) if any(secret in str(value) for secret in self._secrets) else value
