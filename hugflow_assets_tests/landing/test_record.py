"""The record's lines, parsed back, hold what the Arrow values hold."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugflow_assets.errors import BadSourceError
from hugflow_assets.landing.record.encoder import RecordEncoder


def lines_of(batch: pa.RecordBatch) -> tuple[list[dict[str, Any]], Counter[str]]:
    encoder = RecordEncoder({}, lambda kind, values, rows: [])
    text = bytes(encoder.lines(batch, 0)).decode("utf-8")
    assert text.endswith("\n") or not text
    return [json.loads(line, parse_constant=_refuse) for line in text.split("\n")[:-1]], encoder.lost


def _refuse(constant: str) -> None:
    raise AssertionError(f"bare {constant} is not JSON")


def expected(value: Any, kind: pa.DataType) -> Any:
    """The JSON form that the record promises for one Python value."""
    if value is None:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    if pa.types.is_struct(kind):
        return {field.name: expected(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return [[expected(k, kind.key_type), expected(v, kind.item_type)] for k, v in value]
    if isinstance(value, list):
        return [expected(one, kind.value_type) for one in value]
    return value


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FLOAT = st.floats(width=64)
LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.int8(), st.integers(-128, 127)),
    (pa.float64(), FLOAT),
    (pa.float32(), st.floats(width=32)),
    (pa.bool_(), st.booleans()),
    (pa.string(), TEXT),
    (pa.large_string(), TEXT),
    (pa.string_view(), TEXT),
    (pa.binary(), st.binary(max_size=8)),
    (pa.large_binary(), st.binary(max_size=8)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.decimal128(12, 3), st.decimals(-(10**8), 10**8, places=3)),
    (pa.null(), st.none()),
]


def _nested(
    inner: st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]],
) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    def lists(leaf: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Any:
        kind, values = leaf
        several = st.lists(st.none() | values, max_size=3)
        return st.sampled_from(
            [
                (pa.list_(kind), several),
                (pa.large_list(kind), several),
                (pa.list_(kind, 2), st.lists(st.none() | values, min_size=2, max_size=2)),
            ]
        )

    def structs(leaves: list[tuple[pa.DataType, st.SearchStrategy[Any]]]) -> Any:
        fields = {f'f"{at}\\': leaf for at, leaf in enumerate(leaves)}
        kind = pa.struct([(name, leaf[0]) for name, leaf in fields.items()])
        return (kind, st.fixed_dictionaries({name: st.none() | leaf[1] for name, leaf in fields.items()}))

    def maps(leaf: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Any:
        kind, values = leaf
        return (pa.map_(pa.string(), kind), st.lists(st.tuples(TEXT, st.none() | values), max_size=3))

    return inner.flatmap(lists) | st.lists(inner, min_size=1, max_size=3).map(structs) | inner.map(maps)


COLUMN = st.recursive(st.sampled_from(LEAVES), _nested, max_leaves=4)


@settings(max_examples=300)
@given(st.data())
def test_every_value_reads_back_as_it_is_in_arrow(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 6))
    arrays = {}
    for at in range(data.draw(st.integers(1, 3))):
        kind, values = data.draw(COLUMN)
        drawn = data.draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        arrays[f"c{at}"] = pa.array(drawn, kind)
    batch = pa.RecordBatch.from_pydict(arrays)
    start = data.draw(st.integers(0, rows))
    batch = batch.slice(start)

    found, _ = lines_of(batch)

    assert found == [
        {name: expected(row[name], batch.schema.field(name).type) for name in batch.schema.names}
        for row in batch.to_pylist()
    ]


@given(st.lists(st.floats(width=64), min_size=1))
def test_doubles_keep_every_digit_and_stay_floats(values: list[float]) -> None:
    found, lost = lines_of(pa.RecordBatch.from_pydict({"x": values}))
    assert [row["x"] for row in found] == [v if math.isfinite(v) else None for v in values]
    assert all(isinstance(row["x"], float) for row in found if row["x"] is not None)
    assert lost["non_finite"] == sum(not math.isfinite(v) for v in values)


@given(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), min_size=1))
def test_timestamps_are_iso_8601_and_utc_where_the_zone_is_known(moments: list[datetime]) -> None:
    zoned = pa.array([m.replace(tzinfo=UTC) for m in moments], pa.timestamp("us", "Europe/Berlin"))
    found, _ = lines_of(pa.RecordBatch.from_pydict({"naive": pa.array(moments, pa.timestamp("us")), "zoned": zoned}))
    assert [datetime.fromisoformat(row["naive"]) for row in found] == moments
    assert [datetime.fromisoformat(row["zoned"]) for row in found] == [m.replace(tzinfo=UTC) for m in moments]
    assert all(row["zoned"].endswith("Z") for row in found)


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([date(2024, 2, 29)], pa.date32(), "2024-02-29"),
        ([3_723_004], pa.time32("ms"), "01:02:03.004"),
        ([timedelta(milliseconds=-1500)], pa.duration("ms"), "-PT1.5S"),
        ([timedelta(days=2)], pa.duration("s"), "PT172800S"),
        ([2**62], pa.timestamp("s"), 2**62),
        ([np.float16(0.1)], pa.float16(), float(np.float16(0.1))),
        ([(1, 2, 3)], pa.month_day_nano_interval(), "P1M2DT0.000000003S"),
    ],
)
def test_other_types(values: list[Any], kind: pa.DataType, told: Any) -> None:
    found, _ = lines_of(pa.RecordBatch.from_pydict({"x": pa.array(values, kind)}))
    assert found == [{"x": told}]


def test_dictionaries_and_runs_are_written_as_their_values() -> None:
    dictionary = pa.array(["a", None, "a"]).dictionary_encode()
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([7, None]))
    found, _ = lines_of(pa.RecordBatch.from_arrays([dictionary, runs], ["d", "r"]))
    assert found == [{"d": "a", "r": 7}, {"d": None, "r": 7}, {"d": "a", "r": None}]


def test_text_that_is_not_utf8_is_mended_and_counted() -> None:
    broken = pa.array([b"ok", b"\xff!", b"\xed\xa0\x80"]).view(pa.string())
    found, lost = lines_of(pa.RecordBatch.from_pydict({"x": broken}))
    assert [row["x"] for row in found] == ["ok", "\ufffd!", "\ufffd\ufffd\ufffd"]
    assert lost["invalid_utf8"] == 2


def test_a_column_name_that_comes_twice_loses_no_value() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], ["a", "a", "a.2"])
    found, lost = lines_of(batch)
    assert found == [{"a": 1, "a.3": 2, "a.2": 3}]
    assert lost["renamed_columns"] == 1


def test_a_null_list_with_values_behind_it_is_null() -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 4]), pa.array([1, 2, 3, 4]), mask=pa.array([True, False]))
    found, _ = lines_of(pa.RecordBatch.from_pydict({"x": lists}))
    assert found == [{"x": None}, {"x": [3, 4]}]


def test_a_null_map_with_entries_behind_it_is_null() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    maps = pa.array([[("a", 1)], [("b", 2), ("c", 3)], [("d", 4)]], kind)
    entries = pa.StructArray.from_arrays([maps.keys, maps.items], fields=[kind.key_field, kind.item_field])
    hidden = pa.Array.from_buffers(kind, 3, [pa.py_buffer(b"\x05"), maps.buffers()[1]], children=[entries])
    found, _ = lines_of(pa.RecordBatch.from_pydict({"x": hidden}))
    assert found == [{"x": [["a", 1]]}, {"x": None}, {"x": [["d", 4]]}]


def test_rows_without_columns_are_empty_objects() -> None:
    assert lines_of(pa.table({"a": [1, 2]}).select([]).to_batches()[0])[0] == [{}, {}]


def test_a_type_without_a_json_form_is_named() -> None:
    union = pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])
    with pytest.raises(BadSourceError, match="dense_union"):
        lines_of(pa.RecordBatch.from_arrays([union], ["u"]))
