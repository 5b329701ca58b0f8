"""Scopes ask for exactly the claims of core §5.4."""

import pytest

from provider.protocol.scopes import names_for, pick

ADA = {
    "name": "Ada Lovelace",
    "nickname": "",
    "updated_at": 1,
    "email": "ada@example.org",
    "email_verified": False,
    "address": {"locality": "London"},
    "phone_number": "+44 20 7946 0000",
    "salary": 12,
}


@pytest.mark.spec("core 16")
@pytest.mark.parametrize(
    ("scopes", "claims"),
    [
        pytest.param({"openid"}, set(), id="openid alone asks for sub, which is not ours to give"),
        pytest.param({"openid", "email"}, {"email", "email_verified"}, id="false is a value"),
        pytest.param({"profile"}, {"name", "updated_at"}, id="an empty claim is omitted"),
        pytest.param({"address", "phone"}, {"address", "phone_number"}, id="address and phone"),
        pytest.param({"salary", "offline_access"}, set(), id="other scopes ask for no claims"),
    ],
)
def test_scopes_ask_for_claims(scopes, claims):
    assert pick(names_for(scopes), ADA).keys() == claims
