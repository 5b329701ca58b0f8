"""Generated parts of pages are up to date, and pages say the numbers that are the defaults."""

import re

import pytest

from docs import connect_table
from docs.build_site import pages
from provider.config import Settings, describe_settings
from tests.architecture.sources import ROOT


def test_the_page_about_apps_has_every_recipe():
    page = connect_table.PAGE.read_text()

    shown = page.partition(connect_table.START)[2].partition(connect_table.END)[0].strip()

    assert shown == connect_table.listing(), "run `python -m docs.connect_table` to write the list anew"


@pytest.mark.spec("SEC-601")
def test_the_page_about_guessing_has_all_its_limits():
    page = (ROOT / "docs" / "operate" / "sign-in-limits.md").read_text()

    assert len(stated_defaults(page)) == 7


@pytest.mark.parametrize("source", pages())
def test_the_defaults_that_a_page_states_are_the_defaults(source):
    defaults = {view.variable: view.default for view in describe_settings(Settings(), environ={})}

    wrong = {
        name: value
        for name, value in stated_defaults((ROOT / source).read_text()).items()
        if value != defaults[name]
    }

    assert wrong == {}


def stated_defaults(text: str) -> dict[str, str]:
    """Each setting that is followed by a value: in parentheses, or in the next cell of a table."""
    return dict(re.findall(r"`(CURFEW_\w+)`(?: \| |\s\()`([^`]+)`", text))
