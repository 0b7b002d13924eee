"""Plans that were made a moment ago: one that was cut short goes on, and a merge elsewhere plans nothing anew."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from hugflow_assets.errors import HugflowError, UnexpectedError
from hugflow_assets.hub import Hub
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.planning.pin import plan_on
from hugflow_assets.store import Store

KEPT_S = 540.0
KEPT_FILES = 200_000  # upstream, of all plans together


class PlanCache:
    """Plans by request and landed version, for nine minutes. An error is not kept."""

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._plans: OrderedDict[tuple[str, str], tuple[float, LandingPlan]] = OrderedDict()
        self._files = 0
        self._lock = threading.Lock()

    def plan(self, hub: Hub, store: Store, request: DatasetRequest) -> LandingPlan | HugflowError:
        """The plan of a request, or the error that says why there is none; whatever is raised, by name."""
        try:
            key = (request.model_dump_json(), _landed(store, request))
            with self._lock:
                at, known = self._plans.get(key, (0.0, None))
            if known is not None and time.monotonic() - at < self._kept_s:
                return known
            found = plan_on(hub, store, request)
        except Exception as fault:  # noqa: BLE001  one request's; it is said there
            return UnexpectedError.of(fault)
        if isinstance(found, LandingPlan):
            self._keep(key, found)
        return found

    def _keep(self, key: tuple[str, str], plan: LandingPlan) -> None:
        with self._lock:
            self._forget(key)
            self._plans[key] = (time.monotonic(), plan)
            self._files += 1 + plan.upstream_files
            while self._files > KEPT_FILES and len(self._plans) > 1:
                self._forget(next(iter(self._plans)))

    def _forget(self, key: tuple[str, str]) -> None:
        if key in self._plans:
            self._files -= 1 + self._plans.pop(key)[1].upstream_files


def _landed(store: Store, request: DatasetRequest) -> str:
    from hugflow_assets.intake.names import storage_name

    manifest = store.manifest(storage_name(request))
    return f"{manifest.commit} {manifest.repo.files_commit} {manifest.fingerprint}" if manifest is not None else ""
