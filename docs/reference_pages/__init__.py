"""Generates the pages in docs/reference from the code: `make reference`, or `python -m docs.reference_pages`.

One module for each page, with a function `page` that returns its text. A test compares.
"""

from collections.abc import Callable
from pathlib import Path

from docs.reference_pages import admin_api, api, audit_events, command, metrics, settings

FOLDER = Path(__file__).resolve().parents[1] / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.page,
    "command.md": command.page,
    "api.md": api.page,
    "admin-api.md": admin_api.page,
    "audit-events.md": audit_events.page,
    "metrics.md": metrics.page,
}


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
