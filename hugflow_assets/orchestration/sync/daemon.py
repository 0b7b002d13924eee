"""Whether the daemon that evaluates sensors is at work on the project's instance."""

from __future__ import annotations

from dagster._daemon.controller import get_daemon_statuses
from dagster._daemon.daemon import SensorDaemon

from hugflow_assets.orchestration.sync.instance import project_instance


def sensor_daemon_alive() -> bool:
    """Whether a sensor daemon has given a sign of life lately; without one nothing lands by itself."""
    kind = SensorDaemon.daemon_type()
    with project_instance() as instance:
        return bool(get_daemon_statuses(instance, [kind], ignore_errors=True)[kind].healthy)
