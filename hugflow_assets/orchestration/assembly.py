"""Everything that Dagster loads, put together."""

from __future__ import annotations

import warnings

from dagster import (
    AssetSelection,
    Definitions,
    SensorDefinition,
    define_asset_job,
    in_process_executor,
    with_source_code_references,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from hugflow_assets.errors import SettingsError
from hugflow_assets.orchestration.assets.dataset import STORAGE_KEY, dataset
from hugflow_assets.orchestration.assets.dataset_profile import dataset_profile
from hugflow_assets.orchestration.assets.hub_dataset import hub_dataset, landed_ids
from hugflow_assets.orchestration.assets.io_manager import LandingIOManager
from hugflow_assets.orchestration.assets.landed_checks import landed_checks
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.removed_dataset import removed_dataset
from hugflow_assets.orchestration.assets.requests import files_valid, requests
from hugflow_assets.orchestration.assets.storage_catalogue import storage_catalogue
from hugflow_assets.orchestration.github.delivery_sensor import INTERVAL_S as DELIVERY_S
from hugflow_assets.orchestration.github.delivery_sensor import delivery_sensor
from hugflow_assets.orchestration.github.pull_requests_sensor import INTERVAL_S as PULLS_S
from hugflow_assets.orchestration.github.pull_requests_sensor import pull_requests_sensor
from hugflow_assets.orchestration.reconcile.plan_tick import LAND_JOB, REMOVE_JOB
from hugflow_assets.orchestration.reconcile.requests_sensor import requests_sensor
from hugflow_assets.orchestration.reconcile.schedules import upkeep_jobs, upkeep_schedules
from hugflow_assets.settings import Settings, load_settings

OFF_S = 600
LANDING = {".dagster/hugflow_work": "landing"}  # dagster.yaml limits how many of these run at a time


def definitions() -> Definitions:
    """Assets, checks, jobs, sensor and resources. No dataset, network or storage is touched."""
    platform, runs, upkeep = Platform(), jobs(), upkeep_jobs()
    settings = _settings()
    upstream = hub_dataset(landed_ids(settings) if settings is not None else ())
    with warnings.catch_warnings(action="ignore"):  # of Dagster at itself: the minor version is pinned
        assets = with_source_code_references(
            [requests, upstream, dataset, dataset_profile, storage_catalogue, removed_dataset]
        )
    return Definitions(
        assets=assets,
        asset_checks=[files_valid, landed_checks],
        jobs=[*runs, *upkeep],
        schedules=upkeep_schedules(upkeep),
        sensors=[requests_sensor(_sensor_interval_s(), runs), *_channel_sensors()],
        resources={"platform": platform, STORAGE_KEY: LandingIOManager(platform=platform)},
        executor=in_process_executor,  # a run is a process of its own already
    )


def jobs() -> list[UnresolvedAssetJobDefinition]:
    """What the sensor runs: one landing with its checks and profile, or one removal."""
    return [
        define_asset_job(
            LAND_JOB,
            AssetSelection.assets(dataset, dataset_profile),
            tags=LANDING,
            description="Land one requested dataset, check it, and measure what is in it.",
        ),
        define_asset_job(
            REMOVE_JOB,
            AssetSelection.assets(removed_dataset),
            tags={"dagster/priority": "10"},
            description="Carry out one removal request.",
        ),
    ]


def _channel_sensors() -> list[SensorDefinition]:
    """What looks at GitHub and tells others; what is off says so now and then, not every fifteen seconds."""
    settings = _settings()
    github = settings is None or None not in (settings.github_token, settings.github_repository)
    told = (
        settings is None
        or (settings.slack_webhook_url or settings.slack_bot_token or settings.openlineage_url) is not None
    )
    return [
        pull_requests_sensor(PULLS_S if github else OFF_S),
        delivery_sensor(DELIVERY_S if github or told else OFF_S),
    ]


def _sensor_interval_s() -> int:
    settings = _settings()
    default = Settings.model_fields["sensor_interval"].default
    return max(1, round((settings.sensor_interval if settings is not None else default).total_seconds()))


def _settings() -> Settings | None:
    """What Dagster wants to know at load. Wrong settings must not keep the UI, which names them, from it."""
    try:
        return load_settings()
    except SettingsError:
        return None
