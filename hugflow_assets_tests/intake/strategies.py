"""Hypothesis strategies: requests as hostile as the validators allow."""

from __future__ import annotations

from hypothesis import strategies as st

from hugflow_assets.intake import DatasetRequest, RemovalRequest
from hugflow_assets.intake.fields import REFUSED, is_repo_id, is_revision, is_split

PARTS = (
    "subset_x",
    "split_t",
    "rev_main",
    "h_0123456789abcdef",
    "a_",
    "_a",
    "a.b",
    "b_c",
    "a_b",
    "A",
    "a",
    "b",
    "squad",
)
_letters = st.text("abAB_.-01", min_size=1, max_size=8)
repo_ids = st.one_of(
    st.sampled_from(PARTS),
    st.tuples(st.sampled_from(PARTS), st.sampled_from(PARTS)).map("/".join),
    st.tuples(_letters, _letters).map("/".join),
    _letters,
).filter(is_repo_id)

_hostile = st.one_of(
    st.sampled_from(
        (*PARTS, "x__split_t", "refs/pr/1", "refs__pr__1", "...", "..", "a...b", "-x", "~2F", "/", "%2F", "no")
    ),
    st.text("ab_./~-é .,[]", min_size=1, max_size=12),
    st.text(min_size=1, max_size=20),
    st.text("x_é", min_size=150, max_size=255),
)
lines = _hostile.filter(lambda text: text.strip() and not REFUSED.search(text) and not set(text) & set("\t\n\r"))
revisions = st.one_of(st.sampled_from(("main", "refs/pr/1", "refs__pr__1", "rev_main", "0e12", "no")), _hostile).filter(
    is_revision
)
splits = st.one_of(st.sampled_from(("train", "train.cuts", "split_t", "h_t", "no")), _hostile).filter(is_split)
groups = st.sampled_from(("asr", "speech-team", "_x.y", "4301"))
prose = st.text(min_size=1, max_size=80).filter(lambda text: text.strip() and not REFUSED.search(text))
dates = st.dates().map(lambda day: day.isoformat())


def maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


add_requests = st.builds(
    DatasetRequest,
    hf_id=repo_ids,
    description=prose,
    revision=revisions,
    subset=maybe(lines),
    split=maybe(splits),
    audio_column=maybe(lines),
    text_column=maybe(lines),
    owner=maybe(lines),
    keep_until=maybe(dates),
    group=maybe(groups),
)
removals = st.builds(
    RemovalRequest, hf_id=repo_ids, reason=prose, subset=maybe(lines), split=maybe(splits), revision=maybe(revisions)
)
