"""A token is found with all that it hangs on, and with nothing of anybody else."""

import pytest

from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.tokens import access, codes, refresh
from provider.tokens.found import (
    find_code,
    find_code_with_client,
    read_access_token,
    read_refresh_token,
    read_refresh_token_with_client,
    read_with_client,
)
from provider.tokens.id_token import SignIn
from provider.tokens.liveness import find_access_token, find_refresh_token
from tests.factories import make_account, make_client, make_session


@pytest.fixture(params=["ada", "ben"])
def made(request, red):
    """The session of one of two people, both at red."""
    made = {name: make_session(make_account(name), [red, make_client(name)]) for name in ("ada", "ben")}
    return made[request.param]


def parts(found) -> list:
    rows = (found.client, found.grant, found.account, found.client_session, found.session)
    return [(type(row).__name__, row.id) for row in rows]


def expected(made, red) -> list:
    client_session, grant = made.client_sessions["red"], made.grants["red"]
    return [
        ("Client", red.id),
        ("Grant", grant.id),
        ("Account", made.session.account_id),
        ("ClientSession", client_session.id),
        ("Session", made.session.id),
    ]


def test_each_kind_of_token(made, red):
    of = (red, made.grants["red"], made.client_sessions["red"], made.session)
    with transaction():
        about = {"scope": "openid", "family_id": new_id(), "offline": False}
        access_token, _ = access.issue_for_grant(*of, **about)
        sign_in = SignIn(auth_time=made.session.authenticated_at, amr="pwd", acr=None)
        refresh_token = refresh.issue(*of, **about, sign_in=sign_in)
        code = codes.issue(
            *of, code_id=new_id(), redirect_uri="", scope="openid", nonce=None, code_challenge=None
        )

    for found in (
        find_access_token(access_token),
        find_refresh_token(refresh_token),
        find_refresh_token(refresh_token, lock=False),
        read_access_token(access_token),
        read_refresh_token(refresh_token),
        find_code(code),
    ):
        assert parts(found) == expected(made, red)
    assert find_access_token(access_token).holder.id == red.id


def test_the_client_that_asks_is_found_with_the_token_or_without(made, red):
    of = (red, made.grants["red"], made.client_sessions["red"], made.session)
    with transaction():
        about = {"scope": "openid", "family_id": new_id(), "offline": False}
        handle, _ = access.issue_for_grant(*of, **about)
    api = make_client("api")

    client, found = read_with_client(handle, "api")

    assert (client.id, parts(found)) == (api.id, expected(made, red))
    client, found = read_with_client("unknown", "api")
    assert (client.id, found) == (api.id, None)
    assert read_with_client(handle, "unknown") == (None, None)


def test_the_client_that_presents_a_code_or_refresh_token_is_found_with_it_or_without(made, red):
    of = (red, made.grants["red"], made.client_sessions["red"], made.session)
    with transaction():
        sign_in = SignIn(auth_time=made.session.authenticated_at, amr="pwd", acr=None)
        token = refresh.issue(*of, scope="openid", family_id=new_id(), offline=False, sign_in=sign_in)
        code = codes.issue(
            *of, code_id=new_id(), redirect_uri="", scope="openid", nonce=None, code_challenge=None
        )
    api = make_client("api")

    for find, handle in ((find_code_with_client, code), (read_refresh_token_with_client, token)):
        client, found = find(handle, "api")
        assert (client.id, parts(found)) == (api.id, expected(made, red))
        client, found = find("unknown", "api")
        assert (client.id, found) == (api.id, None)
        client, found = find(handle, "unknown")
        assert (client, parts(found)) == (None, expected(made, red))
