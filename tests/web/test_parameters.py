"""Parameters are read once and by the rules (rfc6749 §3.1, THR-39)."""

from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ

from provider.protocol.parameters import Parameters, with_query
from provider.web.strict_request import StrictRequest, query_pairs

pytestmark = pytest.mark.usefixtures("failing")


def test_query_and_body_are_read_together_and_empty_counts_as_omitted(http):
    response = http.post("/read?state=s&nonce=", data={"scope": "openid", "prompt": ""})

    assert response.json == {"state": "s", "scope": "openid"}


@pytest.mark.spec("rfc8707 1")
def test_resource_alone_may_be_repeated(http):
    response = http.post("/read?resource=https://a.test", data={"resource": ["https://b.test", ""]})

    assert response.json["resource"].split() == ["https://a.test", "https://b.test"]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        pytest.param("state=1&state=2", {}, id="twice in the query"),
        pytest.param("state=1&state=", {}, id="the second one empty"),
        pytest.param("state=1", {"state": "1"}, id="in query and body, though the same"),
        pytest.param("", {"state": ["1", "2"]}, id="twice in the body"),
        pytest.param("state=a%00b", {}, id="the character NUL"),
        pytest.param("state=" + "x" * 8193, {}, id="too long"),
        pytest.param("resource=" + "x" * 4096, {"resource": "x" * 4096}, id="too long together"),
        pytest.param("state=" + "%C3%A4" * 4097, {}, id="too long in bytes"),
        pytest.param("&".join(f"p{n}=1" for n in range(101)), {}, id="too many"),
        pytest.param("&".join(["resource=x"] * 101), {}, id="too many of what may be repeated"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(http, query, body):
    response = http.post(f"/read?{query}", data=body)

    assert response.status_code == 400
    assert "invalid_request" in response.text


def test_each_parameter_may_have_the_greatest_length(http):
    longest = {"state": "x" * 8192, "nonce": "\u00e4" * 4096}

    assert http.post("/read", data=longest).json == longest


@given(st.text())
def test_values_are_encoded_as_the_standard_library_does_it(value):
    assert with_query("https://a.test", {"b": value}) == f"https://a.test?b={quote(value, safe='')}"


@pytest.mark.parametrize("mimetype", ["application/json", "multipart/form-data", "text/plain"])
def test_a_body_in_another_form_is_refused(http, mimetype):
    assert http.post("/read", data=b'{"state": 1}', content_type=mimetype).status_code == 400


def test_parameters_never_show_their_values():
    assert repr(Parameters({"id_token_hint": "secret", "state": "s"})) == "Parameters(id_token_hint, state)"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("https://red.test/cb", "https://red.test/cb?a=b%20%26c", id="no query yet"),
        pytest.param(
            "https://red.test/cb?x=1", "https://red.test/cb?x=1&a=b%20%26c", id="its own query stays"
        ),
        pytest.param("https://red.test/cb?", "https://red.test/cb?a=b%20%26c", id="an empty query"),
        pytest.param("com.example.app:/cb", "com.example.app:/cb?a=b%20%26c", id="an app's own scheme"),
        pytest.param("app:///cb", "app:///cb?a=b%20%26c", id="an empty host stays"),
    ],
)
def test_parameters_are_added_to_a_uri_as_it_was_registered(uri, expected):
    assert with_query(uri, {"a": "b &c"}) == expected


@given(
    st.lists(st.sampled_from(["a", "=", "&", "+", "%20", "%", "%zz", "%c3%a4", "ö", ";", "/"])).map("".join)
)
def test_a_query_is_read_as_the_standard_library_reads_it(query):
    request = StrictRequest(create_environ() | {"QUERY_STRING": query.encode().decode("latin-1")})

    assert query_pairs(request) == parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
