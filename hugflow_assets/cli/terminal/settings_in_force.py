"""What every command that does something begins with."""

from __future__ import annotations

from hugflow_assets.settings import Settings, export_network, load_settings


def settings_in_force() -> Settings:
    """The settings, with the network and the log set up as they say; before a client library is imported.

    Raises:
        SettingsError: a value is not allowed.
    """
    from hugflow_assets.logs import configure_logs

    settings = load_settings()
    export_network(settings)
    configure_logs(settings)
    return settings
