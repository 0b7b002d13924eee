"""How a csv or tsv file is written, from what the dataset's card and the file's ending say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hugflow_assets.formats.text.delimited_text import Dialect

_NO_QUOTING = 3  # csv.QUOTE_NONE
_CHANGING = frozenset(  # what makes other values of the fields, or leaves some out: `datasets`' own reader obeys it
    {
        *("decimal", "thousands", "true_values", "false_values", "date_format", "converters", "index_col", "usecols"),
        *("nrows", "skipfooter", "prefix", "dialect", "na_filter"),
    }
)
_DEFAULTS = {"decimal": ".", "na_filter": True, "skipfooter": 0}


def dialect_of(params: Mapping[str, Any], delimiter: str) -> Dialect | None:
    """The dialect, or None where the card asks for what only `datasets`' own reader does.

    Args:
        params: of the config, as its ``CsvConfig`` takes them.
        delimiter: as it seems from the file, where nothing says it.
    """
    if any(name in params and params[name] not in (None, _DEFAULTS.get(name)) for name in _CHANGING):
        return None
    header, skipped, words = params.get("header", "infer"), params.get("skiprows") or 0, params.get("na_values") or []
    if not isinstance(skipped, int) or isinstance(words, dict) or params.get("on_bad_lines", "error") != "error":
        return None
    names = params.get("column_names") or params.get("names")
    if header == "infer":
        header = None if names else 0
    if header is not None and not isinstance(header, int):
        return None
    separator = params.get("delimiter") or params.get("sep", delimiter)
    if not isinstance(separator, str) or not separator:
        return None
    return Dialect(
        delimiter={"\\t": "\t"}.get(separator, separator),
        columns=tuple(map(str, names)) if names else None,
        has_header=header is not None,
        quote=_quote(params),
        doubled=bool(params.get("doublequote", True)),
        escape=params.get("escapechar"),
        skip_rows=skipped + (header or 0),
        comment=params.get("comment"),
        skip_space=bool(params.get("skipinitialspace")),
        null_words=frozenset(map(str, [words] if isinstance(words, str) else words)) | _usual(params),
    )


def _quote(params: Mapping[str, Any]) -> str | None:
    if params.get("quoting") == _NO_QUOTING:
        return None
    if any(name in params for name in ("quoting", "quotechar", "doublequote", "escapechar")):
        return str(params.get("quotechar") or '"')
    return ""


def _usual(params: Mapping[str, Any]) -> frozenset[str]:
    """The words that pandas takes for nothing, if the card asks for these by name."""
    if params.get("keep_default_na") is not True:
        return frozenset()
    from pandas._libs.parsers import STR_NA_VALUES

    return frozenset(STR_NA_VALUES)
