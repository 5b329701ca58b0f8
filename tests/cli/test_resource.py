"""`curfew resource`: resource servers are registered, seen and forgotten."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db

API = "https://api.test/"


@pytest.fixture
def database_url(own_sqlite):
    return own_sqlite


def test_a_resource_server_is_added_listed_shown_and_removed(curfew, looking):
    curfew("client", "add", "--client-id", "orders", "--grant-type", "client_credentials")
    words = ("--name", "Orders", "--scope", "read", "--scope", "write", "--client-id", "orders")
    made = curfew("resource", "add", API, *words, "--access-token-lifetime", "90m", "--json").json

    assert (made["identifier"], made["name"], made["client_id"]) == (API, "Orders", "orders")
    assert (made["scopes"], made["access_token_format"]) == (["read", "write"], "opaque")
    assert made["access_token_lifetime"] == 5400
    assert curfew("resource", "show", API, "--json").json == made
    assert curfew("resource", "list", "--json").json == [made]
    assert "Orders" in curfew("resource", "list").out
    curfew("resource", "remove", API)
    assert curfew("resource", "show", API, code=1).err == f"curfew: there is no resource {API}\n"
    with looking():
        tags = list(db.session.scalars(select(AuditEvent.tag).order_by(AuditEvent.id)))
    assert tags == ["client_added", "resource_added", "resource_removed"]


@pytest.mark.spec("rfc8707 1")
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("api",), id="no absolute URI"),
        pytest.param((f"{API}#part",), id="a fragment"),
        pytest.param(("https://api.test/ ",), id="a space"),
        pytest.param((f"{API}{'x' * 2000}",), id="a long one"),
        pytest.param(("http://localhost:8900",), id="the provider itself"),
        pytest.param((API, "--scope", "read write"), id="two scopes in one"),
        pytest.param((API, "--access-token-lifetime", "0s"), id="tokens that never live"),
        pytest.param(
            (API, "--access-token-format", "jwt", "--access-token-lifetime", "11m"),
            id="signed tokens that outlive a sign-out for long",
        ),
        pytest.param((API, "--client-id", "nobody"), id="an unknown client"),
    ],
)
def test_what_cannot_be_a_resource_server_is_refused(curfew, words):
    assert curfew("resource", "add", *words, code=1).err.startswith("curfew: ")


def test_an_identifier_is_one_server_s(curfew):
    curfew("resource", "add", API)

    assert "already registered" in curfew("resource", "add", API, code=1).err
