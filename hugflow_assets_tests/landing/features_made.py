"""Features and rows of every kind, made up by Hypothesis, as a source stores them."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
from datasets import Audio, ClassLabel, Features, Json, LargeList, List, Translation, Value
from hypothesis import strategies as st

from hugflow_assets_tests.landing.corpus import clip

Rows = list[dict[str, Any]]
_NAMES = ("id", "text", "Ä ö", "a.b", "x" * 70, "1", "label", "sentence", "null", "src_id", "duration", "audio_2")
_TEXTS = st.one_of(
    st.sampled_from(["", "2020-01-01", "007", "null", "1e400", "\u2028\x00\t\\\"'", "a\r\nb", "00:01", "NaN", "𝄞"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
_DAY = 86_400
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LARGEST = 2**63 - 1
_CLIPS = [{"bytes": clip(n), "path": f"clip {n}.wav"} for n in range(4)]


def _seconds(least: int, most: int, unit: str) -> st.SearchStrategy[int]:
    by = _UNITS[unit]
    return st.integers(max(least * by, -_LARGEST), min(most * by, _LARGEST))


def _decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda n: Decimal(f"{n}E-{places}"))


# What each kind of value may hold, as ``pa.array`` takes it for the type that stores it. Parquet has no date64, and no
# times in seconds: a file that is written of these says another type, which `datasets` then reads.
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{f"int{n}": st.integers(-(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in (8, 16, 32, 64)},
    **{f"uint{n}": st.integers(0, 2**n - 1) for n in (8, 16, 32)},
    "uint64": st.integers(0, _LARGEST),  # above it is Json beside media, see docs/opening.md
    "bool": st.booleans(),
    "float16": st.floats(width=16),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "string": _TEXTS,
    "large_string": _TEXTS,
    "binary": st.binary(max_size=6),
    "large_binary": st.binary(max_size=6),
    "date32": st.integers(-700_000, 2_900_000),
    "time32[ms]": st.integers(0, _DAY * 1000 - 1),
    "time64[us]": st.integers(0, _DAY * 10**6 - 1),
    "time64[ns]": st.integers(0, _DAY * 10**9 - 1),
    "decimal128(10, 3)": _decimals(10, 3),
    "decimal256(50, 0)": _decimals(50, 0),
    "null": st.none(),
    **{f"timestamp[{unit}]": _seconds(-(10**12), 10**12, unit) for unit in ("ms", "us", "ns")},
    **{
        f"timestamp[{unit}, tz={zone}]": _seconds(-(10**9), 4 * 10**9, unit)
        for unit, zone in (("ms", "UTC"), ("us", "Europe/Berlin"), ("ns", "+05:30"))
    },
    **{f"duration[{unit}]": _seconds(-(10**9), 10**9, unit) for unit in _UNITS},
}
_JSON = st.recursive(
    st.booleans() | st.integers(-_LARGEST, _LARGEST) | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(_TEXTS, inner | st.none(), max_size=3),
    max_leaves=5,
)
_LEAVES = st.one_of(
    st.sampled_from(sorted(_VALUES)).map(Value),
    st.just(ClassLabel(names=["no", "yes", "2020-01-01"])),
    st.just(Translation(languages=["de", "en"])),
)


def _fields(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(_NAMES), inner, min_size=1, max_size=3)


def _lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inner.map(List) | inner.map(LargeList)


_NESTED = st.recursive(_LEAVES, lambda inner: _lists(inner) | _fields(inner), max_leaves=4)
_MEDIA = st.sampled_from([Audio(), Audio(sampling_rate=8000), Audio(decode=False)])
_WITH_MEDIA = st.one_of(
    _MEDIA,
    _MEDIA.map(List),
    st.builds(lambda audio, rest: {**rest, "audio": audio}, _MEDIA, _fields(_LEAVES)),
    st.builds(lambda audio, rest: List({**rest, "audio": audio}), _MEDIA, _fields(_LEAVES)),
)


def features(*, with_media: bool) -> st.SearchStrategy[Features]:
    """Four to nine columns, nested or not; with media one or two of them hold audio."""
    columns = st.dictionaries(st.sampled_from(_NAMES), _NESTED | _LEAVES | st.just(Json()), min_size=3, max_size=7)
    if not with_media:
        return columns.map(Features)
    media = st.dictionaries(st.sampled_from(("audio", "turn", "clips")), _WITH_MEDIA, min_size=1, max_size=2)
    return st.builds(lambda first, rest: Features({**first, **rest}), media, columns)


def rows(of: Features, least: int, most: int) -> st.SearchStrategy[Rows]:
    """Rows that such features allow, nulls at every depth among them."""
    return st.lists(
        st.fixed_dictionaries({name: _value(one) for name, one in of.items()}), min_size=least, max_size=most
    )


def _value(feature: Any) -> st.SearchStrategy[Any]:
    if isinstance(feature, Audio):
        return st.none() | st.sampled_from(_CLIPS)
    if isinstance(feature, Value):
        return st.none() | _VALUES[feature.dtype]
    if isinstance(feature, ClassLabel):
        return st.none() | st.integers(-1, len(feature.names) - 1)
    if isinstance(feature, Json):
        return st.none() | _JSON.map(json.dumps)
    if isinstance(feature, Translation):
        return st.none() | st.fixed_dictionaries({one: st.none() | _TEXTS for one in feature.languages})
    if isinstance(feature, List | LargeList):
        return st.none() | st.lists(_value(feature.feature), max_size=3)
    return st.none() | st.fixed_dictionaries({name: _value(one) for name, one in feature.items()})


def stored(of: Features, made: Rows) -> pa.Table:
    """The rows as `datasets` stores them."""
    schema = of.arrow_schema
    columns = []
    for field in schema:
        is_extension = isinstance(field.type, pa.BaseExtensionType)
        values = pa.array([row[field.name] for row in made], field.type.storage_type if is_extension else field.type)
        columns.append(pa.ExtensionArray.from_storage(field.type, values) if is_extension else values)
    return pa.Table.from_arrays(columns, schema=schema)


def holds_media(feature: Any) -> bool:
    """Whether there is audio in a value of this feature."""
    if isinstance(feature, List | LargeList):
        return holds_media(feature.feature)
    return isinstance(feature, Audio) or (isinstance(feature, dict) and any(map(holds_media, feature.values())))


def any_media(feature: Any, value: Any) -> bool:
    """Whether there is a clip in a value."""
    if value is None or not holds_media(feature):
        return False
    if isinstance(feature, List | LargeList):
        return any(any_media(feature.feature, one) for one in value)
    return isinstance(feature, Audio) or any(any_media(one, value[name]) for name, one in feature.items())


def in_json(value: Any) -> Any:
    """A value as JSON can say it: NaN and infinities are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [in_json(one) for one in value]
    return {name: in_json(one) for name, one in value.items()} if isinstance(value, dict) else value


def through_python(feature: Any, value: Any) -> Any:
    """A value as the builder of a folder with media gives it, which goes through Python's values.

    No list and no object that holds media is null, and nanoseconds end at the microsecond.
    """
    if isinstance(feature, List | LargeList):
        if value is None:
            return [] if holds_media(feature) else None
        return [through_python(feature.feature, one) for one in value]
    if isinstance(feature, dict) and (value is not None or holds_media(feature)):
        return {name: through_python(one, (value or {}).get(name)) for name, one in feature.items()}
    if isinstance(feature, Value) and "[ns" in feature.dtype and value is not None:
        return value // 1000 * 1000
    return value


def beyond_calendar(feature: Any, value: Any) -> bool:
    """Whether there is a moment in a value that Python has no year for."""
    if value is None:
        return False
    if isinstance(feature, List | LargeList):
        return any(beyond_calendar(feature.feature, one) for one in value)
    if isinstance(feature, dict):
        return any(beyond_calendar(one, value[name]) for name, one in feature.items())
    if not isinstance(feature, Value) or not feature.dtype.startswith(("timestamp", "date32")):
        return False
    unit = feature.dtype[10:].partition(",")[0].strip("]")
    seconds = value * _DAY if feature.dtype == "date32" else value // _UNITS[unit]
    return not -62_135_596_800 <= seconds < 253_402_300_800
