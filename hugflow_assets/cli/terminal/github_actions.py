"""What a workflow on GitHub Actions shows: annotations, the job summary, step outputs.

Sources of the formats: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. GitHub shows at
most ten annotations of a step and drops the others without a word, so the rest is said in the summary.
"""

from __future__ import annotations

import html
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hugflow_assets.cli.requests.findings import Finding
from hugflow_assets.errors import SettingsError

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
OUTPUT_VARIABLE = "GITHUB_OUTPUT"
ANNOTATIONS = 10
ROWS = 500  # a summary has at most 1 MiB


def annotation_lines(findings: Sequence[Finding]) -> list[str]:
    """The lines that GitHub turns into annotations, errors first; the others as plain lines."""
    ordered = sorted(findings, key=lambda one: one.severity != "error")
    rest = [f"{one.severity}: {one}" for one in ordered[ANNOTATIONS:]]
    return [one.annotation() for one in ordered[:ANNOTATIONS]] + _inert(rest)


def _inert(lines: list[str]) -> list[str]:
    """Lines in which nothing is a command to the runner, whatever a stranger's file says."""
    if not lines:
        return []
    token = secrets.token_hex(16)
    return [f"::stop-commands::{token}", *lines, f"::{token}::"]


def findings_summary(findings: Sequence[Finding], summary: str) -> str:
    """The job summary of a validation, as HTML that shows strangers' text as it is."""
    rows = [(f"{one.path}:{one.line}:{one.column}", one.severity, one.message, one.remedy) for one in findings[:ROWS]]
    return html_summary("Request files", summary, ("where", "", "what", "what to do"), rows, len(findings))


def html_summary(
    title: str, summary: str, header: Sequence[str], rows: Iterable[Sequence[str]], total: int | None = None
) -> str:
    """A heading, a sentence and a table. ``total``: how many rows there are, should ``rows`` be cut."""
    lines = [f"<h3>{_shown(title)}</h3>", f"<p>{_shown(summary)}</p>"]
    body = ["".join(f"<td>{_shown(cell)}</td>" for cell in row) for row in rows]
    if body:
        lines += ["<table>", f"<tr>{''.join(f'<th>{_shown(cell)}</th>' for cell in header)}</tr>"]
        lines += [*(f"<tr>{row}</tr>" for row in body), "</table>"]
    if total is not None and total > len(body):
        lines.append(f"<p>and {total - len(body):,} more</p>")
    return "\n".join(lines) + "\n"


def write_summary(text: str) -> bool:
    """Add to the job summary; False outside of a workflow."""
    return _append(SUMMARY_VARIABLE, text)


def write_outputs(values: Mapping[str, str]) -> bool:
    """Set the step's outputs; False outside of a workflow. A value may hold line breaks."""
    lines = []
    for name, value in values.items():
        end = f"end-{secrets.token_hex(16)}"
        lines.append(f"{name}<<{end}\n{value}\n{end}\n")
    return _append(OUTPUT_VARIABLE, "".join(lines))


def _append(variable: str, text: str) -> bool:
    path = os.environ.get(variable)
    if not path:
        return False
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(
            f"{variable} names {path}, which cannot be written: {error.strerror}.",
            remedy="A workflow sets it by itself; elsewhere unset it, or name a file.",
        ) from error
    return True


def _shown(text: str) -> str:
    """Text inside HTML. Blank lines would end the HTML block and let markdown begin."""
    return html.escape(" ".join(text.split())[:2000])
