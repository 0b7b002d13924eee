"""A landing as a card: what it is, for whom, how much, under which terms, and how it went, in a few lines of Markdown.

Dagster's UI shows Markdown in place when it has less than 1,000 characters, and behind a click when it has more.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from hugflow_assets.hub import repo_url
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify.github.client import web_url
from hugflow_assets.notify.markdown import code, plain
from hugflow_assets.profile import AudioProfile, Profile
from hugflow_assets.settings import Settings
from hugflow_assets.store import Manifest
from hugflow_assets.wording import human_duration, human_size

IN_PLACE = 1000
_DESCRIPTION = 180
_CREATIVE_COMMONS = re.compile(r"cc-(by(?:-nc)?(?:-sa|-nd)?)-(\d\.\d)", re.IGNORECASE)
_LICENCES = {
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "mit": "https://opensource.org/license/mit",
}

_DID = {"land": "landed", "update": "updated", "repair": "repaired", "no-op": "nothing to do, looked"}


class Asked(Frozen):
    """Who asked for a landing, and where. ``path`` is the request file's, below the requests' folder."""

    path: str = ""
    commit: str | None = None
    author: str | None = None
    pull: str | None = None
    repository_url: str | None = None


class Outcome(Frozen):
    """How a landing went. ``bytes_per_s`` is zero where nothing was fetched."""

    action: str
    seconds: float
    bytes_per_s: float = 0.0


def repository_url(settings: Settings) -> str | None:
    """The page of the repository that the requests are in, where it is on GitHub."""
    if settings.github_repository is None:
        return None
    return f"{web_url(settings.github_api_url)}/{settings.github_repository}"


def card(manifest: Manifest, asked: Asked | None = None, outcome: Outcome | None = None) -> str:
    """The card; the least needed lines are left out where it would not be shown in place."""
    request, repo = manifest.request, manifest.repo
    about = (
        request.description if len(request.description) <= _DESCRIPTION else f"{request.description[:_DESCRIPTION]}…"
    )
    lines = [*_amounts(manifest), ("Licence", _licence(manifest)), ("On the Hub", _hub(manifest))]
    lines += [("For", plain(request.owner or "nobody named"))]
    if outcome is not None:
        lines.append(("How it went", _went(outcome)))
    lines += _request(asked, manifest)
    if repo.private or repo.gated:
        lines.append(("Access", "private" if repo.private else "behind a gate, which was accepted"))
    while True:
        shown = "\n".join([f"**{plain(about)}**", "", "| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in lines)])
        if len(shown) < IN_PLACE or len(lines) <= 3:
            return shown
        lines.pop()


def _amounts(manifest: Manifest) -> Iterable[tuple[str, str]]:
    counts, splits = manifest.counts, sum(len(config.splits) for config in manifest.configs)
    yield "Rows", f"{counts.rows:,} in {splits:,} {'split' if splits == 1 else 'splits'}"
    if counts.duration_s:
        yield "Audio", f"{human_duration(counts.duration_s)} in {counts.media_files:,} clips"
    yield "Size", f"{human_size(manifest.size_bytes)} in {manifest.files:,} files"


def _licence(manifest: Manifest) -> str:
    name = manifest.repo.license
    if not name:
        return "not stated: ask before you use it"
    known = _LICENCES.get(name.casefold())
    if found := _CREATIVE_COMMONS.fullmatch(name):
        known = f"https://creativecommons.org/licenses/{found[1].lower()}/{found[2]}/"
    return f"[{plain(name)}]({known})" if known else plain(name)


def _hub(manifest: Manifest) -> str:
    repo = manifest.repo
    return f"[{plain(repo.id)}]({repo_url(repo.endpoint, repo.id, repo.commit)}) at {code(repo.commit[:12])}"


def _request(asked: Asked | None, manifest: Manifest) -> Iterable[tuple[str, str]]:
    author = (asked.author if asked else None) or manifest.volatile.requested_by
    commit = (asked.commit if asked else None) or manifest.volatile.request_commit
    if asked is not None and asked.path:
        path, at = code(f"requests/{asked.path}"), code(commit[:12]) if commit else ""
        url = asked.repository_url
        yield (
            "Request",
            f"[{path}]({url}/blob/{commit}/requests/{asked.path})" if url and commit else f"{path} {at}".strip(),
        )
        if url and asked.pull and asked.pull.isdigit():
            yield "Pull request", f"[#{asked.pull}]({url}/pull/{asked.pull})"
        elif url and commit:
            yield "Merged in", f"[{commit[:12]}]({url}/commit/{commit})"
    if author:
        yield "Asked by", plain(author)


def _went(outcome: Outcome) -> str:
    speed = f" at {human_size(round(outcome.bytes_per_s))}/s" if outcome.bytes_per_s else ""
    did = _DID.get(outcome.action, outcome.action)
    return f"{did} in {human_duration(outcome.seconds)}{speed}"


def splits_profile(manifest: Manifest) -> Profile:
    """What the manifest alone says of rows and hours a split, to be drawn: nothing is read for it."""
    splits = {f"{config.name}/{split.name}": split.counts for config in manifest.configs for split in config.splits}
    hours = {name: counts.duration_s / 3600 for name, counts in splits.items()}
    audio = AudioProfile(
        clips=manifest.counts.media_files,
        without_duration=0,
        hours=manifest.hours,
        duration_s=None,
        histogram=(),
        sampling_rates={},
        channels={},
        hours_by_split=hours,
    )
    rows = {name: counts.rows for name, counts in splits.items()}
    heard = audio if manifest.counts.duration_s else None
    return Profile(rows=manifest.counts.rows, rows_by_split=rows, audio=heard, text=None)


def picture(title: str, png: bytes) -> str:
    """A PNG inside Markdown: it needs no server, and stays with the event."""
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"
