"""A stranger's JSON means one thing, and what is kept of it can be written again."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.errors import InvalidRequest
from provider.protocol.json_object import read_json_object


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b'"x"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"\xff\xfe{", id="no UTF-8"),
        pytest.param(b'{"a": 1, "a": 2}', id="SEC-1503: a name twice"),
        pytest.param(b'{"a": {"b": 1, "b": 2}}', id="a name twice further in"),
        pytest.param(b'{"a": NaN}', id="not a number"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b'{"a": 1e999}', id="infinity in disguise"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", id="a number of 5000 digits"),
        pytest.param(b'{"a": ' * 30 + b"1" + b"}" * 30, id="thirty levels"),
        pytest.param(b'{"a": ' + b"[" * 60_000 + b"]" * 60_000 + b"}", id="sixty thousand levels"),
    ],
)
def test_what_is_not_one_plain_object_is_refused(body):
    with pytest.raises(InvalidRequest):
        read_json_object(body)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_a_plain_object_is_read_as_it_was_written(value):
    assert read_json_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_no_body_does_more_than_be_refused(body):
    with contextlib.suppress(InvalidRequest):
        assert isinstance(read_json_object(body), dict)
