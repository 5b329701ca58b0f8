"""An Authentication Request is valid or an error of the specification, whatever the parameters say."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.oauth.authorization.parameters import KNOWN_PARAMETERS, PROMPTS
from provider.oauth.authorization.request import AuthorizationRequest
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.errors import InvalidRequest, ProtocolError
from provider.protocol.response_type import RESPONSE_MODES, response_mode_for
from tests.support.relying_party import CHALLENGE

pytestmark = [
    pytest.mark.usefixtures("app"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
REDIRECT_URI = "https://red.test/cb"
METADATA = ClientMetadata(redirect_uris=(REDIRECT_URI,))
RIGHT = {"redirect_uri": REDIRECT_URI, "response_type": "code", "scope": "openid"}
TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "code",
        "id_token token",
        "fragment",
        "none",
        "login consent",
        "openid",
        "0",
        "-1",
        "S256",
        CHALLENGE,
        "{}",
    ]
)


def read(**parameters: str) -> AuthorizationRequest:
    return AuthorizationRequest.read(RIGHT | parameters, METADATA, REDIRECT_URI)


@pytest.mark.spec("core 2")
@pytest.mark.parametrize(
    ("prompt", "read_as"),
    [
        pytest.param("none", {"none"}, id="none alone"),
        pytest.param("login", {"login"}, id="login"),
        pytest.param("login consent", {"login", "consent"}, id="two"),
        pytest.param("consent login select_account", {"login", "consent", "select_account"}, id="three"),
        pytest.param("login login", {"login"}, id="one twice"),
        pytest.param("none none", {"none"}, id="none twice is none alone"),
        pytest.param("none login", None, id="none and another"),
        pytest.param("select_account none", None, id="another and none"),
        pytest.param("LOGIN", None, id="case counts"),
        pytest.param("create", None, id="what is not offered"),
    ],
)
def test_prompt(prompt, read_as):
    if read_as is None:
        with pytest.raises(InvalidRequest):
            read(prompt=prompt)
    else:
        assert read(prompt=prompt).prompt == read_as


@given(
    st.dictionaries(st.sampled_from(sorted(KNOWN_PARAMETERS - {"resource", "client_id"})), TEXTS, max_size=6)
)
def test_anything_is_a_request_or_an_error_of_the_specification(parameters):
    assert response_mode_for(parameters).carrier in RESPONSE_MODES
    assert response_mode_for(parameters, always_signed=True).signed
    with suppress(ProtocolError):
        asked = AuthorizationRequest.read(RIGHT | parameters, METADATA, REDIRECT_URI)

        assert asked.response_type == {"code"}
        assert asked.prompt <= set(PROMPTS)
        assert asked.prompt == {"none"} or "none" not in asked.prompt
        assert "openid" in asked.scopes or set(asked.scopes) <= set(METADATA.scopes)
