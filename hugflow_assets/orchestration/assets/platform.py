"""What assets, checks and sensors need of the rooms below, built from the settings at the moment it is asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dagster import ConfigurableResource

from hugflow_assets.intake import RequestSnapshot, RequestSource, source_of
from hugflow_assets.settings import Settings, load_settings
from hugflow_assets.store import Store

if TYPE_CHECKING:
    from hugflow_assets.hub import Hub, HubAccess


@lru_cache(maxsize=4)
def request_source(settings: Settings) -> RequestSource:
    """The source of requests; one a process and setting, so that sensor, partition keys and assets share its cache."""
    return source_of(settings)


@lru_cache(maxsize=4)
def _store(settings: Settings) -> Store:
    """One a process and setting: it remembers its index."""
    return Store.of(settings)


class Platform(ConfigurableResource):  # type: ignore[type-arg]
    """The way from Dagster to the rooms below. It holds nothing, so that nothing secret can be shown."""

    def settings(self) -> Settings:
        """The settings as they are now."""
        return load_settings()

    def snapshot(self) -> RequestSnapshot:
        """Everything asked for now."""
        return request_source(self.settings()).snapshot()

    def at(self, commit: str | None) -> RequestSnapshot:
        """Everything asked for at a commit of the branch: what a run was started for. None, or a folder: now."""
        return request_source(self.settings()).at(commit)

    def source(self) -> RequestSource:
        """Where requests come from."""
        return request_source(self.settings())

    def store(self) -> Store:
        """The storage root."""
        return _store(self.settings())

    def access(self) -> HubAccess:
        """How to reach the Hub."""
        from hugflow_assets.hub import HubAccess

        return HubAccess.of(self.settings())

    def hub(self) -> Hub:
        """The Hub."""
        from hugflow_assets.hub import Hub

        return Hub(self.access())
