"""The people and clients that a provider for development starts with."""

from dataclasses import dataclass
from typing import Any

from provider.accounts import queries as accounts
from provider.administration import accounts as people
from provider.administration import clients
from provider.administration.clients import PRESELECTED
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import queries as known_clients
from provider.clients.models import IDTokenClaims
from provider.clients.options import ClientOptions
from provider.dev.loopback_uris import ANY_LOOPBACK
from provider.infrastructure import current, data_keys, schema
from provider.infrastructure.database import db, transaction
from provider.keys.lifecycle import ensure_keys
from provider.protocol.client_registration import read_registration

# These values are public, like everything here: a provider on loopback has no secrets.
PASSWORD = "curfew-dev-password"  # noqa: S105
SECRET = "dev-secret-for-loopback-only"  # noqa: S105
PEOPLE = {"ada": "Ada Lovelace", "ben": "Ben Bell", "cleo": "Cleo Adler"}
CONFIDENTIAL, PUBLIC = "dev-app", "dev-public"
SCOPE = "openid profile email address phone offline_access account"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client to be registered, with its secret if it has one."""

    client_id: str | None
    client_secret: str | None
    metadata: dict[str, Any]
    first_party: bool = True


def populate(backchannel_logout_uri: str | None) -> None:
    """Make the missing parts of schema, keys, people and clients.

    Raises StrangeSchema for a newer release's database, and InvalidClientMetadata for an invalid URI.
    """
    is_new = schema.current_revision(db.engine) is None
    schema.upgrade(db.engine)
    if is_new:
        with transaction():
            data_keys.establish(current.data_keys())
    with transaction():
        for change in ensure_keys():
            record(EventTag(change.event), actor="system", kid=change.kid, alg=change.alg)
    with transaction():
        for username, name in PEOPLE.items():
            if accounts.find_by_username(username) is None:
                add_person(username, PASSWORD, {"name": name})
        for new in _ready_made(backchannel_logout_uri):
            if known_clients.find_by_client_id(new.client_id or "") is None:
                add_client(new)
            elif backchannel_logout_uri:
                change_client(new.client_id or "", {"backchannel_logout_uri": backchannel_logout_uri})


def add_person(username: str, password: str, claims: dict[str, Any]) -> None:
    """Add a person; without an e-mail address they get a verified one that reaches no one."""
    email = {"email": f"{username}@example.test", "email_verified": True}
    people.add(username, password, email | claims)


def add_client(new: NewClient) -> clients.Registered:
    """Register a client. Without redirect URIs it accepts any on loopback. Raises InvalidClientMetadata."""
    usual = PRESELECTED | {"scope": SCOPE, "redirect_uris": [ANY_LOOPBACK]}
    if "redirect_uris" not in new.metadata:
        usual["post_logout_redirect_uris"] = [ANY_LOOPBACK]
    metadata = read_registration(usual | new.metadata, may_be_unwise=lambda _uri: True)
    return clients.register(
        metadata,
        ClientOptions(first_party=new.first_party, id_token_claims=IDTokenClaims.SCOPES),
        client_id=new.client_id,
        client_secret=new.client_secret,
        any_secret_method="token_endpoint_auth_method" not in new.metadata,
    )


def change_client(client_id: str, changes: dict[str, Any]) -> None:
    """Change members of a known client's metadata; None removes one. Raises InvalidClientMetadata."""
    known = known_clients.lock(client_id)
    changed = read_registration(known.registered | changes, may_be_unwise=lambda _uri: True)
    clients.update(known, changed, any_secret_method=known.any_secret_method)


def _ready_made(backchannel_logout_uri: str | None) -> tuple[NewClient, NewClient]:
    notified = {"backchannel_logout_uri": backchannel_logout_uri} if backchannel_logout_uri else {}
    return (
        NewClient(
            client_id=CONFIDENTIAL,
            client_secret=SECRET,
            metadata={"client_name": "Your app", **notified},
        ),
        NewClient(
            client_id=PUBLIC,
            client_secret=None,
            metadata={
                "client_name": "Your public app",
                "application_type": "native",
                "token_endpoint_auth_method": "none",
                **notified,
            },
        ),
    )
