"""The rule about ``audio_column`` and ``text_column``, nested ones (``a.b``) included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hugflow_assets.errors import ColumnNotFoundError
from hugflow_assets.formats.text.text_columns import meant_text_column
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.wording import listed, nearest

_MEDIA = {"Audio", "Image", "Video", "Pdf", "Nifti"}


def columns(features: dict[str, Any]) -> dict[str, str]:
    """Every column that can be named, with its type: ``text`` -> ``string``, ``turns.audio`` -> ``Audio``.

    Structs are opened with a dot; a list is looked through to its element. ``features`` as
    ``datasets.Features.to_dict()`` gives them.
    """
    return dict(_walk(features, ""))


def _walk(struct: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, feature in struct.items():
        path = f"{prefix}{name}"
        element = _element(feature)
        kind = element.get("_type")
        if isinstance(kind, str):
            yield path, str(element.get("dtype", kind)) if kind == "Value" else kind
        else:
            yield path, "struct"
            yield from _walk(element, f"{path}.")


def _element(feature: Any) -> dict[str, Any]:
    """The feature inside any lists around it. Older cards write a list as ``[feature]``."""
    while True:
        if isinstance(feature, list):
            feature = feature[0] if feature else {"_type": "Value", "dtype": "null"}
        elif isinstance(feature, dict) and feature.get("_type") in ("List", "LargeList", "Sequence"):
            feature = feature.get("feature", {})
        else:
            return feature if isinstance(feature, dict) else {"_type": str(feature)}


class ColumnsExist(PlanRule):
    name = "columns_exist"
    about = "audio_column and text_column name columns of the dataset, and audio_column holds audio."

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        request = case.request_file.request
        asked = {
            field: column
            for field, column in (("audio_column", request.audio_column), ("text_column", request.text_column))
            if column is not None
        }
        if not asked:
            return self.passed("The request names no column: they are found by themselves.")
        features = {config.name: config.features or config.seen for config in plan.configs}
        known = {name: columns(feature) for name, feature in features.items() if feature is not None}
        if not known:
            return self.not_evaluated("the columns are known only once the data are read.")
        aliased = ""
        if (text := asked.get("text_column")) is not None:
            names = dict.fromkeys(name for columns_ in known.values() for name in columns_)
            asked["text_column"] = meant_text_column(text, names)
            if asked["text_column"] != text:
                aliased = f" There is no column text: text_column text means {asked['text_column']}."
        wrong = [
            (problem, everywhere)
            for field, column in asked.items()
            for problem, everywhere in _problems(field, column, known)
        ]
        if not wrong:
            named = listed(f"{field} {column}" for field, column in asked.items())
            return self.passed(f"Found: {named}.{aliased}", columns=_names_and_types(known))
        return self.failed(
            " ".join(problem for problem, _ in wrong),
            remedy=f"Correct it in {case.request_file.path}, or leave it out: columns are found by themselves.",
            code=ColumnNotFoundError.code,
            severity=Severity.ERROR if any(everywhere for _, everywhere in wrong) else Severity.WARNING,
            columns=_names_and_types(known),
        )


def _problems(field: str, column: str, known: dict[str, dict[str, str]]) -> Iterator[tuple[str, bool]]:
    """What is wrong with one field, and whether that holds in every subset (then nothing could use it)."""
    lacking = [config for config, names in known.items() if column not in names]
    if lacking:
        everywhere = len(lacking) == len(known)
        every = dict.fromkeys(name for names in known.values() for name in names)
        near = nearest(column, every) if everywhere else None
        where = "" if everywhere else f" in subset {listed(lacking)}"
        hint = f"; did you mean {near}?" if near else "."
        yield f"{field}: no column {column}{where} among {listed(every)}{hint}", everywhere
    kinds = {names[column] for names in known.values() if column in names}
    if field == "audio_column" and (other := kinds - {"Audio"}):
        audio = [name for names in known.values() for name, kind in names.items() if kind == "Audio"]
        hint = f"; audio is in {listed(dict.fromkeys(audio))}." if audio else "; the dataset has no audio column."
        yield f"audio_column: {column} holds {listed(sorted(other))}, not audio{hint}", "Audio" not in kinds
    if field == "text_column" and (media := kinds & {*_MEDIA, "struct"}):
        yield f"text_column: {column} holds {listed(sorted(media))}, not text.", media == kinds


def _names_and_types(known: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: kind for names in known.values() for name, kind in names.items()}
