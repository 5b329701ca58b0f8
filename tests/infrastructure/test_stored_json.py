"""JSON of columns is read and written as by the standard library, whatever an earlier release has written."""

import json
import math

import pytest

from provider.infrastructure.stored_json import read_json, write_json

_TEXTS = (
    '{"a": 1, "b": [true, null, "\\u00e4\\u0000"], "a": 2}',
    "[1.1, 1e5, 10.0, -0.0, 0.1e-7, 18446744073709551616, 123456789012345678901234567890]",
    '["half a character: \\ud800"]',
    "[1e400]",
    '"ä"',
)


@pytest.mark.parametrize("text", _TEXTS)
@pytest.mark.parametrize("form", [str, str.encode, lambda text: memoryview(text.encode())])
def test_is_read_as_by_the_standard_library(text, form):
    read = read_json(form(text))
    assert read == json.loads(text)
    assert repr(read) == repr(json.loads(text))


def test_takes_what_is_no_number():
    assert math.isnan(read_json("NaN"))


def test_refuses_what_is_no_json():
    with pytest.raises(ValueError, match="Expecting"):
        read_json("{")


@pytest.mark.parametrize(
    "value",
    [
        {"auth_time": 1796088039.222422, "amr": "pwd", "acr": None, "of": ["a", 1, True, -0.0]},
        {"name": "\u00c4da \u2028 \x00\x7f", "half": "\ud800"},
        {1: "a number", "large": 2**70},
        {True: 1},
    ],
)
def test_is_written_in_ascii_as_by_the_standard_library(value):
    written = write_json(value)
    assert written.isascii()
    assert json.loads(written) == json.loads(json.dumps(value))


def test_writes_nothing_that_has_no_json():
    with pytest.raises(TypeError):
        write_json({"of": object()})
