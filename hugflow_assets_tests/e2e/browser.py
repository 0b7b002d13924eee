"""A person's browser: Debian's Chromium, driven by Playwright. Where one of them is not there, its tests say so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PATIENCE_MS = 60_000


@contextmanager
def page_of(base_url: str) -> Iterator[Page]:
    """A page that reads addresses below ``base_url``, and waits a minute for what is to be seen."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install -e '.[dev]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=base_url, viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(_PATIENCE_MS)
        try:
            yield page
        finally:
            browser.close()


def sees(page: Page, address: str, *texts: str) -> None:
    """Go there, and wait until each text is to be seen."""
    page.goto(address)
    for text in texts:
        page.get_by_text(text).first.wait_for()
