"""The search of clients by a part of their id or name."""

import pytest
from sqlalchemy import update

from provider.administration import clients as acts
from provider.clients import queries, register
from provider.clients.models import Client
from provider.infrastructure.database import db, transaction
from provider.protocol.client_metadata import ClientMetadata

CALLBACK = ("https://app.test/callback",)


@pytest.fixture
def wiki(app) -> Client:
    with transaction():
        made, _ = register.add(named("The 100% Wiki"), client_id="team_wiki")
        register.add(named("Shop"), client_id="shop")
    return made


def named(name: str) -> ClientMetadata:
    return ClientMetadata(redirect_uris=CALLBACK, client_name=name)


def found(text: str) -> list[str]:
    return [one.client_id for one in queries.search(queries.Filter(text=text))]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        pytest.param("eam_w", True, id="a part of the id"),
        pytest.param("WIKI", True, id="in other case"),
        pytest.param("100% w", True, id="a part of the name"),
        pytest.param("team%wiki", False, id="a percent is a percent"),
        pytest.param("teamxwiki", False, id="and an underscore an underscore"),
        pytest.param("callback", False, id="nothing else of the registration"),
    ],
)
def test_a_client_is_found_by_a_part_of_its_id_or_name(wiki, text, is_found):
    assert found(text) == (["team_wiki"] if is_found else [])

    # As the previous release registers it.
    with transaction():
        db.session.execute(update(Client).values(search_text=None))

    assert found(text) == (["team_wiki"] if is_found else [])


def test_a_renamed_client_is_found_by_its_new_name_alone(wiki):
    with transaction():
        acts.update(db.session.get(Client, wiki.id), named("Handbook"))

    assert (found("wiki"), found("100%"), found("handbook")) == (["team_wiki"], [], ["team_wiki"])
