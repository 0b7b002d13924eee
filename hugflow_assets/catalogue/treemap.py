"""A treemap: rectangles in proportion to sizes, as near to squares as can be.

The layout is "squarified" (Bruls, Huizing, van Wijk, 2000): rows of rectangles along the shorter side, each row taking
one more as long as that makes its worst rectangle squarer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle, in the unit of the picture."""

    x: float
    y: float
    width: float
    height: float


def squarified(sizes: Sequence[float], width: float, height: float) -> list[Box]:
    """A box a size, in their order; together they fill the picture. Sizes must be positive and the largest first."""
    total = sum(sizes)
    if not total:
        return []
    areas = [size * width * height / total for size in sizes]
    left, boxes, at = Box(0.0, 0.0, width, height), list[Box](), 0
    while at < len(areas):
        side = min(left.width, left.height)
        end, sum_of_row = at + 1, areas[at]
        while end < len(areas):
            longer = sum_of_row + areas[end]
            if _worst(areas[at], areas[end], longer, side) > _worst(areas[at], areas[end - 1], sum_of_row, side):
                break
            sum_of_row, end = longer, end + 1
        row, left = _laid(areas[at:end], sum_of_row, left)
        boxes += row
        at = end
    return boxes


def _worst(largest: float, least: float, total: float, side: float) -> float:
    """The worst aspect ratio of a row whose areas are between these, along this side."""
    if not side or not least:
        return float("inf")
    return max(side**2 * largest / total**2, total**2 / (side**2 * least))


def _laid(areas: Sequence[float], total: float, left: Box) -> tuple[list[Box], Box]:
    """A row along the shorter side of what is left, and what is left then."""
    boxes = []
    if left.width >= left.height:
        depth, at = total / left.height if left.height else 0.0, left.y
        for area in areas:
            boxes.append(Box(left.x, at, depth, area / depth if depth else 0.0))
            at += boxes[-1].height
        return boxes, Box(left.x + depth, left.y, max(0.0, left.width - depth), left.height)
    depth, at = total / left.width if left.width else 0.0, left.x
    for area in areas:
        boxes.append(Box(at, left.y, area / depth if depth else 0.0, depth))
        at += boxes[-1].width
    return boxes, Box(left.x, left.y + depth, left.width, max(0.0, left.height - depth))
