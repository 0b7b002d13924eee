"""Asking the landing that holds a name to stop. A mark is for the lease it was set against and no later one."""

from __future__ import annotations

import orjson

from hugflow_assets.durable import atomic_write, holder
from hugflow_assets.store.events import now_text
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout


class Cancelling:
    def __init__(self, layout: Layout, ttl_s: float, host: str | None = None) -> None:
        self._layout, self._ttl_s, self._host = layout, ttl_s, host

    def cancel(self, name: str, *, by: str = "") -> bool:
        """Ask the landing of ``name`` to stop; whether there is one."""
        found = holder(self._layout.lease(name), ttl_s=self._ttl_s, host=self._host)
        if found is None:
            return False
        told = {"schema_version": 1, "token": found.token, "by": by, "at": now_text()}
        atomic_write(self._layout.cancel(name), orjson.dumps(told), mode=INNER_FILE_MODE)
        return True

    def cancelled(self, name: str, token: int | None = None) -> bool:
        """Whether the holder of ``name`` (of the lease ``token``, if given) was asked to stop."""
        try:
            told = int(orjson.loads(self._layout.cancel(name).read_bytes())["token"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return token is None or told >= token

    def clear_before(self, name: str, token: int) -> None:
        """The holder of ``token`` begins: what was asked of earlier holders is over."""
        if self.cancelled(name) and not self.cancelled(name, token):
            self._layout.cancel(name).unlink(missing_ok=True)
