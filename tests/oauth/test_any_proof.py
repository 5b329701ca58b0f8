"""No proof, header, cookie or hint of an attacker gets in or breaks anything."""

import base64
from contextlib import suppress

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import request
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.logout.hint import BadHint, read_hint
from provider.oauth.client_proof.authentication import basic_credentials, by_basic, by_nothing
from provider.protocol.errors import InvalidRequest
from provider.web import cookies
from provider.web.access_token import presented_token

ENCODED = st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode())
WORDS = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=30)
HEADERS = st.builds(
    "{} {}".format, st.sampled_from(["Basic", "basic", "Bearer", "DPoP", ""]), WORDS | ENCODED
)
SEGMENT = st.binary(max_size=12).map(lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
JSONISH = st.sampled_from(
    ['{"alg":"none"}', '{"alg":"RS256","kid":"x"}', '{"typ":"JWT"}', "[]", "1", '{"a":']
)
ENCODED_JSON = JSONISH.map(lambda text: base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode())
TOKENS = st.lists(SEGMENT | ENCODED_JSON | WORDS, min_size=1, max_size=5).map(".".join)
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Asked:
    """A request, as far as a method of client authentication looks at it."""

    def __init__(self, header: str, form: dict[str, str]) -> None:
        self.headers = {"Authorization": header} if header else {}
        self.form = form
        self.basic = basic_credentials(header)


class Registered:
    """A client that no secret fits."""

    def check_client_secret(self, _secret: str) -> bool:
        return False


@pytest.mark.spec("rfc6749 §2.3.1")
@given(HEADERS, st.dictionaries(st.sampled_from(["client_id", "client_secret"]), WORDS))
def test_no_header_is_a_proof_by_chance(header, form):
    with suppress(InvalidRequestError):
        assert by_basic(lambda _: Registered(), Asked(header, form)) is None
    assert by_nothing(lambda _: None, Asked(header, form)) is None


@ON_ONE_DATABASE
@settings(max_examples=60)
@given(HEADERS, st.lists(st.sampled_from(["curfew_session", "a", "curfew_browser", ""]) | WORDS, max_size=4))
def test_no_header_or_cookie_breaks_its_reader(app, header, names):
    sent = "; ".join(f"{name}={name}" for name in names)
    with app.test_request_context("/userinfo", headers={"Authorization": header, "Cookie": sent}):
        with suppress(InvalidRequest):
            presented_token(request)
        with suppress(InvalidRequest):
            handle = cookies.session_handle()
            assert handle is None or len(handle) == 43


@pytest.mark.spec("rpinitiated 9, rpinitiated 3, rpinitiated 4, rpinitiated 11")
@ON_ONE_DATABASE
@settings(max_examples=60)
@given(TOKENS)
def test_nothing_unsigned_is_a_hint(app, signing_keys, token):
    with pytest.raises(BadHint):
        read_hint(token, client_id=None)
