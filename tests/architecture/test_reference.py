"""The pages in docs/reference are generated from the code, and say what it says."""

import pytest

from docs.reference_pages import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name):
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make reference`"


def test_every_page_is_generated():
    # specification.md is made of the tests' marks, by tests/spec_report.py.
    assert {path.name for path in FOLDER.iterdir()} == PAGES.keys() | {"specification.md"}
