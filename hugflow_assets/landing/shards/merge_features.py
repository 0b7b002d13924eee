"""What the shards of a config found their rows to be, together: for data that nothing describes beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WHOLE, _NUMBER = {"dtype": "int64", "_type": "Value"}, {"dtype": "float64", "_type": "Value"}


def merged(found: Iterable[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The features of all shards: columns in the order they come, types widened as far as they go, else Json."""
    whole: dict[str, Any] | None = None
    for one in found:
        if one is not None:
            whole = dict(one) if whole is None else _both(whole, one)
    return whole


def _both(left: Any, right: Any) -> Any:
    if left == right:
        return left
    if isinstance(left, dict) and isinstance(right, dict):
        for one, other in ((left, right), (right, left)):
            if one.get("_type") == "Value" and one.get("dtype") == "null":
                return other
        if not isinstance(left.get("_type"), str) and not isinstance(right.get("_type"), str):
            return left | {name: _both(left[name], one) if name in left else one for name, one in right.items()}
        if left.get("_type") == right.get("_type") and "feature" in left and "feature" in right:
            return left | {"feature": _both(left["feature"], right["feature"])}
        if left.get("_type") == right.get("_type") == "Value":
            return _values(str(left.get("dtype")), str(right.get("dtype")))
    return {"_type": "Json"}


def _values(left: str, right: str) -> dict[str, Any]:
    kinds = {left.rstrip("0123456789"), right.rstrip("0123456789")}
    if kinds <= {"int", "uint"}:
        return _WHOLE
    if kinds <= {"int", "uint", "float"}:
        return _NUMBER
    if kinds <= {"string", "large_string"}:
        return {"dtype": "string", "_type": "Value"}
    return {"_type": "Json"}
