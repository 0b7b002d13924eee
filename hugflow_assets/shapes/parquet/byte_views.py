"""Arrow's ``binary_view``, made of bytes that lie somewhere and taken apart again, without a copy of them.

A view is sixteen bytes: the value's size, and then its first four bytes, its buffer and where in that it begins; or, if
it is short, the value itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_INLINE_BYTES = 12  # of a value that is in the view itself

Numbers = np.ndarray[Any, np.dtype[np.int64]]


def as_views(memory: memoryview, starts: Numbers, sizes: Numbers) -> pa.Array:
    """Values that lie in ``memory``, which has to stay; none is null."""
    views = np.zeros((len(starts), 16), np.uint8)
    views[:, :4] = sizes.astype("<i4").view(np.uint8).reshape(-1, 4)
    views[:, 12:] = starts.astype("<i4").view(np.uint8).reshape(-1, 4)
    everything = np.frombuffer(memory, np.uint8)
    for row in np.flatnonzero(sizes <= _INLINE_BYTES):
        at, size = int(starts[row]), int(sizes[row])
        views[row, 4:] = 0
        views[row, 4 : 4 + size] = everything[at : at + size]
    long = np.flatnonzero(sizes > _INLINE_BYTES)
    views[long, 4:8] = everything[starts[long][:, None] + np.arange(4)]
    buffers = [None, pa.py_buffer(views), pa.py_buffer(memory)]
    return pa.Array.from_buffers(pa.binary_view(), len(starts), buffers)


def pieces_of(values: pa.Array) -> list[memoryview | None]:
    """Each value where it lies; what stands for a null says nothing."""
    _, buffer, *data = values.buffers()
    if buffer is None:
        return [None] * len(values)
    views, wholes = memoryview(buffer), [memoryview(one) for one in data]
    numbers = np.frombuffer(buffer, "<i4").reshape(-1, 4)[values.offset : values.offset + len(values)].tolist()
    return [
        wholes[of][at : at + size] if size > _INLINE_BYTES else views[row * 16 + 4 : row * 16 + 4 + size]
        for row, (size, _, of, at) in enumerate(numbers, values.offset)
    ]
