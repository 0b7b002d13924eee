"""``hugflow validate``: is what these files ask for sound, by themselves and (unless offline) on the Hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.cli.requests.findings import Finding, Form, as_json, of_problem, of_verdict
from hugflow_assets.cli.requests.judging import judge
from hugflow_assets.cli.requests.selection import Selection, select
from hugflow_assets.cli.terminal.exit_status import exit_status_of
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import REQUEST_AT_FAULT

if TYPE_CHECKING:
    from hugflow_assets.rules import Verdict


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Request files or folders; the requests folder by default."),
    ] = None,
    offline_only: Annotated[bool, typer.Option("--offline", help="Ask no Hub and look at no storage.")] = False,
    form: Annotated[Form, typer.Option("--format", help="text: file:line:col: message.")] = Form.TEXT,
    base: Annotated[
        Path | None, typer.Option(help="The requests folder before a change: files that are the same there only warn.")
    ] = None,
) -> None:
    """Say everything that is wrong with request files: file:line:col: message."""
    selections = select(paths or [])
    files = [one.shown(path) for one in selections for path in one.paths()]
    findings: list[Finding] = []
    worst = 0
    for selection in selections:
        same = _unchanged(selection, base)
        for status, finding in _findings(selection, offline_only=offline_only):
            if finding.path in same:
                status, finding = 0, replace(finding, severity="warning")
            worst = max(worst, status)
            findings.append(finding)
            if form is Form.TEXT:
                typer.echo(str(finding))
    if form is Form.JSON:
        typer.echo(as_json(findings, files))
    else:
        if form is Form.GITHUB:
            _tell_github(findings, files)
        typer.echo(_summary(findings, files), err=True)
    if worst:
        raise typer.Exit(worst)


def _tell_github(findings: Sequence[Finding], files: Sequence[str]) -> None:
    from hugflow_assets.cli.terminal.github_actions import annotation_lines, findings_summary, write_summary

    for line in annotation_lines(findings):
        typer.echo(line)
    write_summary(findings_summary(findings, _summary(findings, files)))


def _unchanged(selection: Selection, base: Path | None) -> frozenset[str]:
    """The files, as they are shown, that a change leaves as they are: what is wrong with them is not its fault."""
    if base is None:
        return frozenset()
    return frozenset(selection.shown(path) for path in selection.paths() if _same(selection.root / path, base / path))


def _same(one: Path, other: Path) -> bool:
    try:
        if one.is_symlink() or other.is_symlink():
            return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
        return one.is_file() and one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _findings(selection: Selection, *, offline_only: bool) -> Iterator[tuple[int, Finding]]:
    """Exit status and finding, file after file: what cannot be read, what contradicts, what the Hub lacks."""
    for problem in selection.problems():
        yield REQUEST_AT_FAULT, of_problem(problem, selection)
    if offline_only:
        yield from _offline(selection, set(selection.paths()))
    else:
        yield from _online(selection)
        # Of add files the pre-flight rules have said the same, and more.
        yield from _offline(selection, {one.path for one in selection.removals()})


def _offline(selection: Selection, meant: set[str]) -> Iterator[tuple[int, Finding]]:
    """What contradicts other files, seen from the text alone, said of the files that are meant."""
    from hugflow_assets.rules.review import offline

    for verdict in offline(selection.snapshot):
        if not verdict.passed:
            for path in verdict.details["paths"]:
                if path in meant:
                    yield _status(verdict), of_verdict(verdict, path, selection)


def _online(selection: Selection) -> Iterator[tuple[int, Finding]]:
    """What every pre-flight rule says, with the Hub and the storage asked."""
    settings = settings_in_force()
    for judged in judge(selection.adds(), selection.snapshot, settings):
        for verdict in judged.verdicts:
            if not verdict.passed and verdict.evaluated:
                yield _status(verdict), of_verdict(verdict, judged.file.path, selection)


def _status(verdict: Verdict) -> int:
    return exit_status_of(verdict.code) if verdict.blocks else 0


def tell_problems(selection: Selection) -> int:
    """Say on stderr which files cannot be read; the exit status that follows from it."""
    for problem in selection.problems():
        typer.echo(str(of_problem(problem, selection)), err=True)
    return REQUEST_AT_FAULT if selection.problems() else 0


def _summary(findings: Sequence[Finding], files: Sequence[str]) -> str:
    errors = sum(one.severity == "error" for one in findings)
    faulty = len({one.path for one in findings if one.severity == "error"})
    if not files:
        return "no request files"
    if not errors:
        warned = f", {len(findings)} warnings" if findings else ""
        return f"{len(files)} request file{'s' * (len(files) != 1)}: fine{warned}"
    return f"{errors} error{'s' * (errors != 1)} in {faulty} of {len(files)} request files"
