"""Clients are registered under an id of their own, with secrets that cannot be read back."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from provider.clients import assertions, change, queries, register
from provider.clients.models import OfflinePolicy
from provider.clients.options import ClientOptions, InvalidOption
from provider.clients.secrets import UnusableSecret, check_secret
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.protocol.client_registration import read_registration

DAY = timedelta(days=1)


def metadata(**members):
    return read_registration({"redirect_uris": ["https://red.test/cb"]} | members)


def add(**options):
    with transaction():
        said = {name: options.pop(name) for name in ("client_id", "client_secret") if name in options}
        return register.add(options.pop("metadata", metadata()), **said, options=ClientOptions(**options))


def test_a_client_is_found_by_its_id_in_one_statement(app, statements):
    red, _ = add(client_id="red")

    with statements() as seen:
        found = queries.find_by_client_id("red")

    assert found.id == red.id
    assert found.metadata_.redirect_uris == ("https://red.test/cb",)
    assert len([statement for statement in seen if statement.startswith("SELECT")]) == 1
    assert queries.find_by_client_id("RED") is None
    with pytest.raises(queries.UnknownClient):
        queries.get_by_client_id("green")


def test_id_and_secret_are_made_when_not_given(app):
    (one, secret), (other, other_secret) = add(), add()

    assert one.client_id != other.client_id
    assert secret != other_secret
    assert check_secret(one, secret)
    assert not check_secret(one, other_secret)


@pytest.mark.spec("KEY-18")
def test_the_database_does_not_hold_the_secret(app):
    red, secret = add(client_id="red", client_secret="sixteen-letters!")

    row = str(db.session.execute(text("SELECT * FROM client")).one())

    assert secret == "sixteen-letters!"
    assert secret not in row
    assert check_secret(red, secret)
    assert not check_secret(red, red.secret_digest)


@pytest.mark.parametrize(
    "secret", ["fifteen-letters", "", "sixteen\nletters-", "s\u00efxteen-letters!", "x" * 513]
)
def test_a_weak_or_unusable_secret_is_refused(app, secret):
    with pytest.raises(UnusableSecret):
        add(client_secret=secret)


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_a_client_that_needs_no_secret_has_none(app, method):
    described = metadata(token_endpoint_auth_method=method, jwks_uri="https://red.test/keys")

    client, secret = add(metadata=described)

    assert secret is None
    assert not check_secret(client, "")
    assert not check_secret(client, "-" * 64)
    with pytest.raises(change.NoSecret), transaction():
        change.rotate_secret(client)
    with pytest.raises(UnusableSecret):
        add(metadata=described, client_secret="sixteen-letters!")


@pytest.mark.spec("SEC-907")
@pytest.mark.parametrize(
    "client_id",
    [
        "http://localhost:8900", "HTTP://localhost:8900/token", "localhost", "localhost:8900",
        "Red", "r\u00e9d", "a b", "", "a%62", "x" * 256,
    ],
)  # fmt: skip
def test_an_id_that_passes_for_another_party_is_refused(app, client_id):
    add(client_id="red")

    with pytest.raises((register.InvalidClientID, register.ClientIDTaken)):
        add(client_id=client_id)


def test_the_id_of_a_removed_client_is_not_given_again(app):
    red, secret = add(client_id="red")
    with transaction():
        change.remove(red)

    assert queries.find_by_client_id("red") is None
    assert queries.list_clients() == []
    assert queries.find(red.id).epoch == 1
    assert not check_secret(red, secret)
    with pytest.raises(register.ClientIDTaken):
        add(client_id="red")


@pytest.mark.spec("KEY-19")
def test_two_secrets_hold_while_one_is_exchanged(app, turned_clock):
    red, old = add(client_id="red")
    with transaction():
        new = change.rotate_secret(red, overlap=DAY)
    assert check_secret(red, old)
    assert check_secret(red, new)

    turned_clock.turn(DAY)

    assert not check_secret(red, old)
    assert check_secret(red, new)


def test_a_rotation_without_overlap_ends_the_old_secret_at_once(app):
    red, old = add(client_id="red")
    with transaction():
        change.rotate_secret(red, secret="another-secret-here", overlap=timedelta(0))

    assert not check_secret(red, old)
    assert check_secret(red, "another-secret-here")


def test_a_client_that_changes_its_method_changes_its_secret(app):
    red, secret = add(client_id="red")
    with transaction():
        assert change.update(red, metadata(token_endpoint_auth_method="none")) is None
    assert not check_secret(red, secret)

    with transaction():
        fresh = change.update(red, metadata())

    assert fresh != secret
    assert check_secret(red, fresh)


def test_disabling_counts_the_epoch_up(app):
    red, _ = add(client_id="red")
    with transaction():
        assert change.disable(red)
        assert not change.disable(red)
        assert change.enable(red)

    assert red.is_active
    assert red.epoch == 1


@pytest.mark.spec("DEC-10")
def test_options_of_the_operator_are_kept_and_bounded(app):
    red, _ = add(client_id="red", offline_policy=OfflinePolicy.ASK, grant_lifetime=30 * DAY)

    kept = queries.get_by_client_id("red")

    assert kept.id == red.id
    assert (kept.offline_policy, kept.grant_lifetime) == ("ask", 30 * DAY)
    for wrong in ({"refresh_reuse_interval": timedelta(seconds=61)}, {"grant_lifetime": timedelta(0)}):
        with pytest.raises(InvalidOption):
            add(**wrong)


@pytest.mark.spec("ABU-51")
def test_an_assertion_is_used_once_per_client(app):
    (red, _), (green, _) = add(client_id="red"), add(client_id="green")
    soon = clock.now() + timedelta(minutes=5)

    with transaction():
        assert assertions.use_once(red, "jti-1", soon)
    with transaction():
        assert not assertions.use_once(red, "jti-1", soon)
        assert assertions.use_once(green, "jti-1", soon)
