"""The reasons that code and tests cite by an id are written down, and what is written down is cited."""

import pytest

from tests.architecture.design_ids import DESIGN, citations, cited_in, definitions


def test_every_cited_id_is_defined():
    missing = {name: sorted(places) for name, places in citations().items() if name not in definitions()}

    assert missing == {}, "describe them in docs/design"


def test_every_defined_id_is_cited():
    assert sorted(set(definitions()) - citations().keys()) == [], "nothing in the tree cites these"


def test_an_id_is_defined_once():
    names = definitions()

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("# DLV-14, 15: an endpoint", ["DLV-14", "DLV-15"]),
        ("LIB-01 to LIB-03", ["LIB-01", "LIB-02", "LIB-03"]),
        ("FLT-05 to 07", ["FLT-05", "FLT-06", "FLT-07"]),
        ("THR-27, THR-42), AES-256, UTF-8", ["THR-27", "THR-42"]),
        ("SEC-1012, 3 times", ["SEC-1012"]),
    ],
)
def test_ids_are_found_in_what_cites_them(text, names):
    assert list(cited_in(text)) == names


def test_the_design_names_only_what_it_defines():
    named = {name for page in DESIGN.glob("*.md") for name in cited_in(page.read_text())}

    assert named - set(definitions()) == set()
