"""Requests judged against the Hub and the storage, before anything is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hugflow_assets.cli.terminal.exit_status import exit_status_of
from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import AddFile, RequestSnapshot

if TYPE_CHECKING:
    from hugflow_assets.planning.models import Forecast, LandingPlan
    from hugflow_assets.rules import Verdict
    from hugflow_assets.settings import Settings


@dataclass(frozen=True)
class Judged:
    """One request with what it would land, or why it has no plan, and every rule's word on it.

    ``forecast`` is None where there is no plan, or where the storage cannot be read.
    """

    file: AddFile
    plan: LandingPlan | None
    error: HugflowError | None
    forecast: Forecast | None
    verdicts: tuple[Verdict, ...]

    @property
    def exit_status(self) -> int:
        """0 when nothing blocks; else 3 when the environment is at fault for any of it, else 1."""
        return max((exit_status_of(one.code) for one in self.verdicts if one.blocks), default=0)


def judge(files: Iterable[AddFile], snapshot: RequestSnapshot, settings: Settings) -> Iterator[Judged]:
    """Resolve each request on the Hub and ask every pre-flight rule. Lists and headers are read, data are not.

    Raises:
        StorageError: the storage root cannot be used at all.
    """
    from hugflow_assets.hub import Hub, HubAccess
    from hugflow_assets.hub.prefetch import in_order
    from hugflow_assets.landing.forecast import forecast
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.planning.pin import plan_on
    from hugflow_assets.rules import preflight
    from hugflow_assets.shapes.registry import LANDABLE
    from hugflow_assets.store import Store

    hub = Hub(HubAccess.of(settings))
    store = Store.of(settings)
    index = store.index.rows()
    asked = list(files)
    plans = in_order(lambda file: plan_on(hub, store, file.request), asked)
    for file, planned in zip(asked, plans, strict=True):
        expected = forecast(planned, store, LandingOptions.of(settings))
        verdicts = preflight(
            file, snapshot, planned, store, settings, forecast=expected, index=index, landable=LANDABLE
        )
        known = None if isinstance(expected, HugflowError) else expected
        if isinstance(planned, HugflowError):
            yield Judged(file, None, planned, known, tuple(verdicts))
        else:
            yield Judged(file, planned, None, known, tuple(verdicts))
