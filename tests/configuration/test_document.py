"""A configuration file is read strictly, and every problem names its line."""

import pytest

from provider.configuration import document
from provider.configuration.document import read
from provider.configuration.problems import InvalidConfiguration


def refusal(text: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as refused:
        read(text, "f.yaml")
    return list(map(str, refused.value.problems))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("no", "no", id="YAML 1.1 would read false"),
        pytest.param("1:30", "1:30", id="YAML 1.1 would read minutes"),
        pytest.param("2026-11-30", "2026-11-30", id="YAML 1.1 would read a date"),
        pytest.param("'true'", "true", id="quotes make a text"),
        pytest.param("true", True, id="a truth value"),
        pytest.param("-7", -7, id="a whole number"),
        pytest.param("~", None, id="nothing"),
        pytest.param("", None, id="no value"),
        pytest.param("[a, 1]", ["a", 1], id="a list"),
    ],
)
def test_scalars_are_those_of_json(written, meant):
    assert read(f"a: {written}\n", "f.yaml").plain() == {"a": meant}


def test_json_is_yaml():
    assert read('{"a": {"b": [true, null]}}', "f.yaml").plain() == {"a": {"b": [True, None]}}


def test_each_value_knows_its_line():
    node = read("a:\n  b: 1\n  c: 2\n", "f.yaml")

    assert (node.line_of("a", "c"), node.line_of("a", "missing"), node.line_of("other")) == (3, 1, 1)


def test_all_repeated_keys_are_named():
    assert refusal("a: 1\na: 2\nb: {c: 1, c: 2}\n") == [
        "f.yaml:2: a is there already, in line 1",
        "f.yaml:3: c is there already, in line 3",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("a: &x [1]\nb: *x", "anchors and aliases", id="an anchor"),
        pytest.param("a: !!python/object:os.system 1", "tags are not supported", id="a tag"),
        pytest.param("a: [", "is not YAML", id="a list without an end"),
        pytest.param("a: \x00", "is not YAML", id="NUL"),
        pytest.param('a: "\\0"', "NUL", id="NUL in quotes"),
        pytest.param("--- a\n--- b", "second document", id="two documents"),
        pytest.param("? [a]\n: b", "a key must be a text", id="a key that is a list"),
        pytest.param("[" * 100, "levels", id="very deep"),
        pytest.param("a: " + "x" * 70_000, "longer than", id="a long text"),
    ],
)
def test_what_could_mislead_or_cost_much_is_refused(text, sentence):
    assert sentence in refusal(text)[0]


def test_no_document_grows_while_it_is_read():
    laughs = 'a: &a ["lol", "lol"]\n' + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )

    assert "anchors and aliases" in refusal(laughs)[0]


def test_the_number_of_values_and_of_bytes_is_bounded(monkeypatch):
    monkeypatch.setattr(document, "MOST_NODES", 100)
    assert "more than 100 values" in refusal("[" + "1," * 200 + "1]")[0]
    monkeypatch.setattr(document, "MOST_BYTES", 100)
    assert "larger than 100 bytes" in refusal("#" * 101)[0]


def test_an_empty_file_has_no_value():
    assert read("", "f.yaml").plain() is None
