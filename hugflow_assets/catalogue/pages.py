"""The pages of the site, from templates that escape every value: names, cards and rows are strangers' texts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from hugflow_assets.catalogue.entries import Catalogue, Entry
from hugflow_assets.catalogue.samples import Samples
from hugflow_assets.catalogue.treemap import squarified
from hugflow_assets.intake.models import Frozen
from hugflow_assets.profile import Profile
from hugflow_assets.status.history import ChecksTold, HistoryEntry
from hugflow_assets.wording import human_duration, human_size, share

STATIC = ("style.css", "catalogue.js")
_BOXES = 60
_PICTURES = (("wide", 1000, 300), ("tall", 360, 420))
_LETTER = 6.6  # width of one, about, in the unit of the picture
_WELL = ("landed",)
_LOST = ("damaged", "failed")
_EDGES = ("0", "1", "2", "5", "10", "15", "20", "30", "60")


class DatasetData(Frozen):
    """What was read from a landed dataset for its page. ``restricted``: rows, clips and texts are left out."""

    samples: Samples = Samples()
    profile: Profile | None = None
    figure: str = ""  # its file, beside the page
    calls: tuple[tuple[str, str], ...] = ()
    problem: str = ""


class Bar(Frozen):
    """A row of a chart: ``percent`` of the longest."""

    label: str
    value: str
    percent: float


class Chart(Frozen):
    title: str
    unit: str
    bars: tuple[Bar, ...]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, with what they write numbers by."""
    made = Environment(
        loader=PackageLoader("hugflow_assets.catalogue", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"size": _size, "count": _count, "hours": hours, "day": _day, "minute": _minute, "tone": tone}
    made.filters |= {"folder": folder_of}
    return made


@lru_cache(maxsize=1)
def version() -> str:
    """Changes when a template does: a page made of an older one is made anew."""
    parts = sorted(files("hugflow_assets.catalogue").joinpath("templates").iterdir(), key=lambda one: one.name)
    return hashlib.sha256(b"\0".join(one.read_bytes() for one in parts if one.is_file())).hexdigest()[:16]


def static_file(name: str) -> bytes:
    return files("hugflow_assets.catalogue").joinpath("templates", name).read_bytes()


def folder_of(name: str) -> str:
    """The address of a dataset's folder, relative to the site."""
    return f"d/{quote(name)}"


def index_page(catalogue: Catalogue) -> str:
    """The list of everything, with what it is filtered by."""
    shown = catalogue.datasets
    return environment().get_template("index.html").render(
        catalogue=catalogue,
        landed=[one for one in shown if one.landed_at],
        attention=[one for one in shown if tone(one.state) == "bad"],
        languages=_choices(language for one in shown for language in one.languages),
        licences=_choices(one.license for one in shown),
        owners=_choices(one.owner for one in shown),
        states=_choices(one.state for one in shown),
        pictures=[(kind, width, height, _boxes(shown, width, height)) for kind, width, height in _PICTURES],
        quota=_quota(catalogue),
    )  # fmt: skip


def dataset_page(
    entry: Entry, data: DatasetData, past: Sequence[HistoryEntry], checks: ChecksTold | None, written: str
) -> str:
    """Everything of one dataset."""
    return environment().get_template("dataset.html").render(
        one=entry, data=data, past=list(reversed(past)), checks=checks, charts=charts(data.profile), written=written
    )  # fmt: skip


def charts(profile: Profile | None) -> list[Chart]:
    """The profile as charts, each number beside its bar."""
    if profile is None:
        return []
    found = []
    if (audio := profile.audio) is not None:
        labels = [f"{low} to {high} s" for low, high in pairwise(_EDGES)] + ["over 60 s"]
        found.append(_chart("Durations", "clips", dict(zip(labels, audio.histogram, strict=True))))
        rates = {f"{int(rate):,} Hz" if rate.isdigit() else rate: n for rate, n in audio.sampling_rates.items()}
        found.append(_chart("Sampling rates", "clips", dict(list(rates.items())[:8])))
        found.append(_chart("Channels", "clips", dict(list(audio.channels.items())[:8])))
    if len(profile.rows_by_split) > 1:
        found.append(_chart("Splits", "rows", dict(list(profile.rows_by_split.items())[:40])))
    return [one for one in found if one.bars]


def _chart(title: str, unit: str, counts: dict[str, int]) -> Chart:
    most = max(counts.values(), default=0) or 1
    bars = (Bar(label=label, value=f"{n:,}", percent=round(100 * n / most, 1)) for label, n in counts.items())
    return Chart(title=title, unit=unit, bars=tuple(bars))


def tone(state: str) -> str:
    """How a state is shown, beside its word: ``good``, ``bad``, or ``mind`` for what a person may want to look at."""
    return "good" if state in _WELL else "bad" if state in _LOST else "mind"


def _boxes(entries: Iterable[Entry], width: int, height: int) -> list[dict[str, Any]]:
    """What the treemap shows: the largest, and all others as one."""
    sized = sorted(((one.size_bytes or 0, one) for one in entries if one.size_bytes), key=lambda pair: -pair[0])
    shown, rest = sized[:_BOXES], sized[_BOXES:]
    total = sum(size for size, _ in sized)
    others = sum(size for size, _ in rest)
    every: list[tuple[int, Entry | None]] = [*shown, *([(others, None)] if others else [])]
    every.sort(key=lambda pair: -pair[0])
    found = []
    for (size, one), box in zip(every, squarified([s for s, _ in every], width, height), strict=True):
        name = f"{len(rest):,} more" if one is None else _called(one)
        letters = int((box.width - 12) / _LETTER)
        found.append(
            {
                "one": one,
                "box": [round(value, 1) for value in box],
                "title": f"{name}: {human_size(size)}, {share(size, total)}" + (f", {one.state}" if one else ""),
                "label": _fitted(name.rpartition("/")[2], letters) if box.height >= 18 else "",
                "below": human_size(size) if box.height >= 34 and letters >= len(human_size(size)) else "",
            }
        )
    return found


def _called(one: Entry) -> str:
    """A dataset's name for people: its id on the Hub, and which part of it where it is one."""
    return " · ".join(part for part in (one.hf_id or one.name, one.subset, one.split) if part)


def _fitted(text: str, letters: int) -> str:
    """The beginning of a text that has room; nothing, where no more than a few letters have."""
    if len(text) <= letters:
        return text
    return f"{text[: letters - 1]}…" if letters >= 5 else ""


def _quota(catalogue: Catalogue) -> dict[str, Any]:
    whole = catalogue.quota_bytes or (catalogue.size_bytes + catalogue.free_bytes) or 1
    soft = catalogue.soft_limit_bytes
    return {
        "whole": whole,
        "share": share(catalogue.size_bytes, whole),
        "percent": round(min(100.0, 100 * catalogue.size_bytes / whole), 2),
        "soft_percent": round(min(100.0, 100 * soft / whole), 2) if soft else None,
        "over": bool(soft and catalogue.size_bytes > soft),
    }


def _choices(values: Iterable[str | None]) -> list[tuple[str, int]]:
    counted = Counter(one for one in values if one)
    return sorted(counted.items(), key=lambda pair: pair[0].casefold())


def _size(value: int | None) -> str:
    return "–" if value is None else human_size(value)


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def hours(value: float | None) -> str:
    """Hours of audio; minutes and seconds where it is less than one."""
    if value is None:
        return "–"
    return f"{value:,.1f} h" if value >= 1 else human_duration(value * 3600)


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "–"


def _minute(moment: str | None) -> str:
    return f"{moment[:10]} {moment[11:16]}" if moment else "–"
