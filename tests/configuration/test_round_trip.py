"""An export says the same as the database, however it was registered, and holds no secret."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from provider.administration import clients as acts
from provider.clients import options, resources
from provider.clients.models import Client, Resource, TokenFormat
from provider.clients.options import ClientOptions
from provider.configuration import entries
from provider.configuration import plan as plans
from provider.configuration.apply import apply
from provider.configuration.entries import Files
from provider.configuration.export import export
from provider.configuration.plan import Asked
from provider.infrastructure.database import db, transaction
from provider.infrastructure.owned_objects import OwnedObject
from provider.protocol.client_registration import read_registration

pytestmark = [pytest.mark.parametrize("database_url", ["sqlite"], indirect=True), pytest.mark.lengthy]

NOTHING_ELSE = Asked()
KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "1",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
SPANS = st.none() | st.integers(1, 50_000_000).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
# Texts that YAML, or one version of it, reads as something else.
NAMES = st.sampled_from(
    [
        "no",
        "1:30",
        "0x1F",
        "1e3",
        "~",
        "null",
        "2026-11-30",
        "- a",
        "a: b",
        "#x",
        "'",
        "Größe",
        "😀",
        "0o7",
        "=",
        "y",
    ]
) | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=40)
METADATA = st.fixed_dictionaries(
    {"redirect_uris": st.just(["https://red.test/cb"])},
    optional={
        "client_name": NAMES,
        "client_name#de": NAMES,
        "contacts": st.lists(NAMES, max_size=3),
        "token_endpoint_auth_method": st.sampled_from(["client_secret_post", "client_secret_basic"]),
        "grant_types": st.sampled_from(
            [["authorization_code"], ["authorization_code", "refresh_token", "client_credentials"]]
        ),
        "backchannel_logout_uri": st.just("https://red.test/bc"),
        "backchannel_logout_session_required": st.booleans(),
        "default_max_age": st.integers(0, 100_000),
        "scope": st.sampled_from(["openid", "openid profile offline_access"]),
        "jwks": st.just({"keys": [KEY]}),
        "application_type": st.just("web"),
    },
)
OPTIONS = st.builds(
    ClientOptions,
    first_party=st.booleans(),
    told_of_expiry=st.booleans(),
    slow=st.booleans(),
    grant_lifetime=SPANS,
    session_lifetime=SPANS,
    refresh_reuse_interval=st.none() | st.integers(0, 60).map(lambda seconds: timedelta(seconds=seconds)),
    may_exchange_tokens_of=st.none() | st.lists(NAMES, max_size=2, unique=True),
    **{name: st.sampled_from(kind) for name, kind in options.CHOICES.items() if name != "logout_token_names"},
)


@pytest.fixture
def read(tmp_path):
    """Reads a text as a file."""
    path = tmp_path / "provider.yaml"

    def read(text: str) -> Files:
        path.write_text(text)
        return entries.read_files([path])

    return read


def planned(files: Files, asked: Asked = NOTHING_ELSE) -> plans.Plan:
    return plans.make(files, asked)


@settings(max_examples=20)
@given(metadata=METADATA, chosen=OPTIONS, flags=st.tuples(*[st.booleans()] * 3))
def test_an_exported_file_changes_nothing(app, read, metadata, chosen, flags):
    any_method, enabled, scopes = flags
    any_method = any_method and "token_endpoint_auth_method" not in metadata
    with transaction():
        for table in (OwnedObject, Resource, Client):
            db.session.execute(delete(table))
        registered = read_registration(acts.PRESELECTED | metadata)
        made = acts.register(registered, chosen, client_id="red", any_secret_method=any_method)
        if not enabled:
            acts.update(made.client, registered, enabled=False)
        resources.add(
            "urn:api",
            name="no",
            access_token_format=TokenFormat.JWT if scopes else TokenFormat.OPAQUE,
            access_token_lifetime=timedelta(seconds=90),
            scopes=("read", "0x1F") if scopes else (),
            client=made.client,
        )

    text = export("default").text

    assert made.secret is None or made.secret not in text
    plan = planned(read(text))
    assert (plan.changes, plan.unowned) == ([], ["client red", "resource urn:api"])
    adopting = Asked(adopt=True)
    with transaction():
        apply(read(text), adopting, planned(read(text), adopting).hash)
    assert planned(read(text)).unchanged == 2
    assert planned(read(export("default", only_owned=True).text)).unchanged == 2
