"""How full the storage is, as one picture: the quota as a bar, every dataset as a tile, and how it grew."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hugflow_assets.catalogue.treemap import squarified
from hugflow_assets.intake.models import Frozen
from hugflow_assets.profile.figure import AMBER, BLUE, FAINT, INK, PAPER, PLUM, TEAL, small_png
from hugflow_assets.store import Event, EventKind, Headroom
from hugflow_assets.wording import human_size, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RED = "#b3372f"
_TILES = 60
_POINTS = 1000
_WIDTH, _HEIGHT = 96.0, 40.0  # of the map, in the picture's own unit
_NAMED_WIDTH, _NAMED_HEIGHT, _LETTER = 7.0, 3.4, 0.82
_KEYS = {"whole": TEAL, "behind the Hub": AMBER, "asked for by nobody": PLUM, "damaged": RED, "all others": "#5d6b7e"}


class Tile(Frozen):
    """A dataset on the map; ``kind`` is one of the picture's key."""

    name: str
    size_bytes: int
    kind: str


class Growth(Frozen):
    """What was landed after an event, all datasets together."""

    at: datetime
    size_bytes: int


def growth_of(events: Iterable[Event]) -> list[Growth]:
    """How what is landed grew and shrank, from the audit log; what a restoration brought back has its last size."""
    sizes: dict[str, int] = {}
    there: dict[str, int] = {}
    total, found = 0, list[Growth]()
    for event in events:
        size = event.data.get("size_bytes")
        if event.kind is EventKind.LANDED and isinstance(size, int):
            sizes[event.name] = now = size
        elif event.kind is EventKind.RESTORED:
            now = sizes.get(event.name, 0)
        elif event.kind is EventKind.REMOVED:
            now = 0
        else:
            continue
        total += now - there.get(event.name, 0)
        there[event.name] = now
        found.append(Growth(at=datetime.fromisoformat(event.time), size_bytes=total))
    return found


def storage_png(tiles: Sequence[Tile], room: Headroom, growth: Sequence[Growth]) -> bytes:
    """Draw it: 960 pixels wide, on its own light paper.

    Args:
        tiles: the largest first.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    grows = len(growth) > 1
    figure = Figure(figsize=(9.6, 7.4 if grows else 5.6), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    ratios = [0.55, 4, 1.5] if grows else [0.55, 4]
    grid = figure.add_gridspec(len(ratios), 1, height_ratios=ratios, hspace=0.42)
    figure.subplots_adjust(left=0.075, right=0.975, top=0.945, bottom=0.065)
    _quota(figure.add_subplot(grid[0]), room)
    _map(figure.add_subplot(grid[1]), tiles)
    if grows:
        _growth(figure.add_subplot(grid[2]), growth)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", facecolor=PAPER)
    return small_png(drawn.getvalue())


def _quota(axes: Axes, room: Headroom) -> None:
    whole = room.quota_bytes or room.used_bytes + room.reserved_bytes + room.free_bytes
    over = room.soft_limit_bytes is not None and room.used_bytes > room.soft_limit_bytes
    axes.barh(0, whole, color=FAINT, height=1)
    axes.barh(0, room.used_bytes, color=RED if over else BLUE, height=1)
    axes.barh(0, room.reserved_bytes, left=room.used_bytes, color=AMBER, height=1)
    promised = f", {human_size(room.reserved_bytes)} promised to landings" if room.reserved_bytes else ""
    of = "of the quota" if room.quota_bytes else "of the disk"
    title = f"{human_size(room.used_bytes)} used of {human_size(whole)}: {share(room.used_bytes, whole)} {of}{promised}"
    if room.soft_limit_bytes:
        axes.axvline(room.soft_limit_bytes, color=INK, linewidth=1.5)
        title += f"; the line is the soft limit, {human_size(room.soft_limit_bytes)}"
    axes.set_xlim(0, max(whole, room.used_bytes, 1))
    _titled(axes, title)
    axes.set_axis_off()


def _map(axes: Axes, tiles: Sequence[Tile]) -> None:
    from matplotlib.patches import Patch, Rectangle

    shown = [one for one in tiles if one.size_bytes > 0]
    if len(shown) > _TILES:
        rest = shown[_TILES - 1 :]
        every = Tile(name=f"{len(rest):,} more", size_bytes=sum(one.size_bytes for one in rest), kind="all others")
        shown = sorted([*shown[: _TILES - 1], every], key=lambda one: -one.size_bytes)
    boxes = squarified([one.size_bytes for one in shown], _WIDTH, _HEIGHT)
    for tile, box in zip(shown, boxes, strict=True):
        place = (box.x, _HEIGHT - box.y - box.height)
        axes.add_patch(Rectangle(place, box.width, box.height, facecolor=_KEYS[tile.kind], edgecolor=PAPER, lw=1.5))
        if box.width >= _NAMED_WIDTH and box.height >= _NAMED_HEIGHT:
            words = _fitting(tile, box.width, box.height)
            axes.text(box.x + 0.7, place[1] + box.height - 0.7, words, color="white", fontsize=8, va="top")
    kinds = {one.kind for one in shown}
    keys = [Patch(color=colour, label=kind) for kind, colour in _KEYS.items() if kind in kinds]
    axes.legend(
        handles=keys, fontsize=8, frameon=False, ncols=5, loc="upper left", bbox_to_anchor=(-0.01, 0), labelcolor=INK
    )
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(0, _HEIGHT)
    _titled(axes, "The datasets by size" if shown else "Nothing is landed yet")
    axes.set_axis_off()


def _fitting(tile: Tile, width: float, height: float) -> str:
    """Name and size, cut to what the tile has room for."""
    most = max(4, int((width - 1.4) / _LETTER))
    name = tile.name if len(tile.name) <= most else f"{tile.name[: most - 1]}…"
    size = human_size(tile.size_bytes)
    told = f"{name}\n{size}" if height >= 2 * _NAMED_HEIGHT - 1 and len(size) <= most else name
    return told.replace("$", "\\$")


def _growth(axes: Axes, growth: Sequence[Growth]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    thinned = [*growth[: -1 : max(1, len(growth) // _POINTS)], growth[-1]]
    times, sizes = [one.at for one in thinned], [one.size_bytes for one in thinned]
    axes.fill_between(times, sizes, step="post", color=TEAL, alpha=0.25)  # type: ignore[arg-type]
    axes.step(times, sizes, where="post", color=TEAL, linewidth=1.6)  # type: ignore[arg-type]
    axes.set_facecolor(PAPER)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8, length=3, color=FAINT)
    axes.grid(visible=True, color=FAINT, linewidth=0.6)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: human_size(round(value))))
    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    _titled(axes, "What is landed, over time (UTC)")


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
