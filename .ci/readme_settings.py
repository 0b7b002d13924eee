"""Put the settings table, made from the settings class, between the markers of README.md."""

from __future__ import annotations

from pathlib import Path

from hugflow_assets.cli.start.settings_text import markdown_table

BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"

readme = Path("README.md")
text = readme.read_text(encoding="utf-8")
head, tail = text.split(BEGIN)[0], text.split(END)[1]
readme.write_text(head + BEGIN + markdown_table() + END + tail, encoding="utf-8")
