"""The settings as text: the example file, the README's table, and what is set at the moment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo

from hugflow_assets.settings import GROUPS, Settings, group_of, variable_of
from hugflow_assets.wording import nearest

HIDDEN = "********"
# What others read from the same file; naming them here keeps them from looking like a slip of the pen.
ALSO_READ = ("HUGFLOW_PROJECT_DIR", "HUGFLOW_DEBUG", "DAGSTER_HOME", "REQUESTS_CA_BUNDLE")


def by_group() -> dict[str, dict[str, FieldInfo]]:
    """Group -> field name -> field, in the order of the class; groups without a setting are left out."""
    found: dict[str, dict[str, FieldInfo]] = {group: {} for group in GROUPS}
    for name, field in Settings.model_fields.items():
        found[group_of(name)][name] = field
    return {group: fields for group, fields in found.items() if fields}


def plain(value: Any) -> str:
    """A value as it is written in the environment; secrets and proxy passwords are hidden."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, ByteSize):
        return value.human_readable(decimal=True, separator="") if value else "0"
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return _without_password(str(value))


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


def _without_password(text: str) -> str:
    if "@" not in text or "://" not in text:
        return text
    parts = urlsplit(text)
    return parts._replace(netloc=f"{HIDDEN}@{parts.netloc.rpartition('@')[2]}").geturl()


def env_example() -> str:
    """``.env.example``: every variable, commented out, with what it does and its default."""
    lines = [
        "# Settings of Hugflow. Copy to .env and uncomment what you change; the real environment wins over this file",
        "# (but not under the `dagster` commands, which let .env win).",
        "# Generated from the settings class by `make docs`.",
    ]
    for group, fields in by_group().items():
        lines += ["", f"# ---- {group}"]
        for name, field in fields.items():
            lines += [f"# {field.description}", f"#{variable_of(name)}={plain(field.default)}"]
    return "\n".join(lines) + "\n"


def markdown_table() -> str:
    """The README's table: variable, default, meaning, a row a setting, grouped."""
    lines = ["| variable | default | what it does |", "|---|---|---|"]
    for group, fields in by_group().items():
        lines.append(f"| **{group}** | | |")
        for name, field in fields.items():
            default = f"`{plain(field.default)}`" if plain(field.default) else ""
            lines.append(f"| `{variable_of(name)}` | {default} | {_escaped(field.description or '')} |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def likely_misspelt(env_file: Path) -> list[tuple[str, str]]:
    """Variables of an env file that Hugflow does not know but nearly does: ``(written, meant)``."""
    from dotenv import dotenv_values

    if not env_file.is_file():
        return []
    known = [variable_of(name) for name in Settings.model_fields]
    found = []
    for written in dotenv_values(env_file, encoding="utf-8-sig"):
        if written.upper() in known or written.upper() in ALSO_READ:
            continue
        if near := nearest(written, known, cutoff=0.8):  # other programs' variables may be alike, too
            found.append((written, near))
    return found
