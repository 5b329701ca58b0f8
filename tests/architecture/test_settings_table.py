"""The README's table of settings is generated (conventions, 20)."""

from docs.settings_table import END, START, table
from tests.architecture.sources import ROOT


def test_the_readme_has_every_setting():
    readme = (ROOT / "README.md").read_text()

    shown = readme.partition(START)[2].partition(END)[0].strip()

    assert shown == table(), "run `python docs/settings_table.py` to write the table anew"
