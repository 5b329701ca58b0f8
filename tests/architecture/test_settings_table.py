"""The README's table of settings is generated; other documents say the same numbers."""

import re

import pytest

from docs import connect_table
from docs.settings_table import END, START, table
from provider.config import Settings, describe_settings
from tests.architecture.sources import ROOT


def test_the_readme_has_every_setting():
    readme = (ROOT / "README.md").read_text()

    shown = readme.partition(START)[2].partition(END)[0].strip()

    assert shown == table(), "run `python docs/settings_table.py` to write the table anew"


def test_the_page_about_apps_has_every_recipe():
    page = connect_table.PAGE.read_text()

    shown = page.partition(connect_table.START)[2].partition(connect_table.END)[0].strip()

    assert shown == connect_table.listing(), "run `python -m docs.connect_table` to write the list anew"


@pytest.mark.spec("SEC-601")
def test_the_limits_in_the_document_are_the_defaults():
    documented = re.findall(
        r"`(CURFEW_\w+)`(?: \| | \()`([^`]+)`", (ROOT / "docs" / "operate" / "sign-in-limits.md").read_text()
    )
    defaults = {view.variable: view.default for view in describe_settings(Settings(), environ={})}

    assert len(documented) == 7
    assert dict(documented) == {name: defaults[name] for name, _ in documented}
