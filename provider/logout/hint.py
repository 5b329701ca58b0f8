"""The `id_token_hint` of the end-session endpoint: what it proves, and what it does not.

Authlib's own end-session endpoint accepts any JWT that we have signed as a hint – another person's, a Logout
Token, an access token (LIB-01 to LIB-05) – so the checks are ours.
"""

from dataclasses import dataclass, field

from provider.clients import queries as clients
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.keys.jwt import ID_TOKEN_TYP, InvalidJWT, UnverifiedJWT, verify_own
from provider.protocol.encrypted_token import is_encrypted
from provider.sessions.models import ClientSession, Session
from provider.sessions.queries import find_by_sid

REQUIRED = ("iss", "sub", "aud", "exp", "iat", "sid")
# Our ID Tokens carry none of these; a token with one of them is of another kind (LIB-02).
NOT_IN_AN_ID_TOKEN = frozenset({"events", "scope", "client_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenHint:
    """An ID Token of ours: the client that it was issued to, and the `sid` and `sub` that it names."""

    client: Client
    sid: str = field(repr=False)
    sub: str = field(repr=False)


class BadHint(Exception):
    """The hint proves nothing; the message is for our log only."""


class ForeignHint(BadHint):
    """The hint was issued to a client other than the one that claims to send it."""


class EncryptedHint(BadHint):
    """The hint is encrypted, so only its client can read it."""


def read_hint(id_token_hint: str, *, client_id: str | None) -> ProvenHint:
    """Return what a hint proves. Raises BadHint: it then counts as no hint at all (rpinitiated §4).

    An expired ID Token is accepted (rpinitiated §2); `is_recent` decides how long it counts after the end of
    its session (DEC-13).
    """
    if is_encrypted(id_token_hint):
        # rpinitiated §2: the client decrypts it first, as for the Authentication Request (core §3.1.2.1).
        raise EncryptedHint("the client must decrypt it and send the signed ID Token")
    try:
        claims = verify_own(
            UnverifiedJWT(id_token_hint),
            typ=frozenset({None, ID_TOKEN_TYP}),
            audience=None,
            require=REQUIRED,
            allow_expired=True,
            for_hint=True,
        )
    except InvalidJWT as exc:
        raise BadHint(str(exc)) from exc
    if not NOT_IN_AN_ID_TOKEN.isdisjoint(claims):
        raise BadHint("it is another kind of token")
    audience, sid, sub = claims["aud"], claims["sid"], claims["sub"]
    if not (isinstance(audience, str) and isinstance(sid, str) and isinstance(sub, str)):
        raise BadHint("aud, sid or sub is not a string")
    # rpinitiated §2: 'the OP MUST verify that the Client Identifier matches the one used when issuing'.
    if client_id is not None and client_id != audience:
        raise ForeignHint("client_id is not the client that the ID Token was issued to")
    client = clients.read_by_client_id(audience)
    if client is None:
        raise BadHint("its client is no longer registered")
    return ProvenHint(client=client, sid=sid, sub=sub)


def find_hinted(hint: ProvenHint) -> tuple[ClientSession, Session] | None:
    """Find the client session that a hint names, with its session, if it is the client's own and recent."""
    found = find_by_sid(hint.sid)
    if found is None or found[0].client_id != hint.client.id or not is_recent(found[1]):
        return None
    return found


def is_recent(session: Session) -> bool:
    """Return whether a session is live or ended within the absolute session lifetime (DEC-13)."""
    if session.ended_at is None:
        return True
    return clock.now() - session.ended_at <= current.settings().session_lifetime
