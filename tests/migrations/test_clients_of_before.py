"""Clients that existed before a choice was offered keep what they had."""

import sqlalchemy as sa

from provider.infrastructure import schema
from tests.migrations.test_logout_token_names import Rows


def test_they_have_one_method_and_the_claims_that_a_request_names(engine_at):
    engine = engine_at("0022")
    Rows(engine).add("client", client_id="red")

    schema.upgrade(engine)

    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT any_secret_method, id_token_claims FROM client")).one()
    assert (bool(found[0]), found[1]) == (False, "requested")
