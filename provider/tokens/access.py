"""Issue access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from provider.clients.models import Client, Resource, TokenFormat
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.infrastructure.database import db
from provider.infrastructure.one_row import insert_at_commit, row_of
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
from provider.infrastructure.provider_state import THE_ROW, ProviderState
from provider.protocol.errors import InvalidTarget
from provider.protocol.resource_indicator import narrowed
from provider.sessions.models import ClientSession, Session
from provider.tokens import jwt_access
from provider.tokens.id_token import SignIn
from provider.tokens.models import AccessToken

# Secret scanners recognise a leaked token by its prefix, and so does our introspection.
ACCESS_TOKEN_PREFIX = "cfa_"  # noqa: S105 – a public prefix, no token.


@dataclass(frozen=True, slots=True)
class TokenForm:
    """The format and lifetime of a token."""

    # None for an opaque token.
    signing_alg: str | None
    lifetime: timedelta


def issue_for_grant(
    client: Client,
    grant: Grant,
    client_session: ClientSession,
    session: Session,
    *,
    scope: str,
    family_id: UUID,
    offline: bool,
    resources: Sequence[Resource] = (),
    cnf: dict[str, str] | None = None,
    sign_in: SignIn | None = None,
    claims: Sequence[str] | None = None,
    actor: Client | None = None,
    not_after: datetime | None = None,
    lasting: bool = False,
) -> tuple[str, AccessToken]:
    """Issue an access token for what a person allowed; it never outlives its grant and session.

    `resources` are the servers that it is meant for, `cnf` names the key whose possession its holder must
    prove, `sign_in` is the session's latest one by default, `claims` are individual claims returned in
    addition to those of the scope. `offline` says whether it was requested with offline_access and so may
    outlive its client session, `lasting` whether it lives as long as its grant and session.
    """
    sign_in = sign_in or SignIn(auth_time=session.authenticated_at, amr=session.amr, acr=session.acr)
    form, now = form_of(actor or client, resources), clock.now()
    last = grant.expires_at if offline else min(grant.expires_at, session.expires_at)
    values = {
        "id": new_id(),
        "client_id": client.id,
        "grant_id": grant.id,
        "client_session_id": client_session.id,
        "family_id": family_id,
        "scope": _scope_at(resources, scope),
        "offline": offline,
        "audience": [resource.identifier for resource in resources] or None,
        "claims": list(claims) if claims else None,
        "cnf": cnf,
        "auth_time": sign_in.auth_time,
        "acr": sign_in.acr,
        "amr": sign_in.amr,
        "client_epoch": client.epoch,
        "provider_epoch": grant.provider_epoch,
        "created_at": now,
        "expires_at": min(last if lasting else now + form.lifetime, last, not_after or last),
        "actor_id": actor.id if actor else None,
        "actor_epoch": actor.epoch if actor else None,
        "credentials_epoch": actor.credentials_epoch if actor else None,
    }
    return _stored(values, form, client=actor or client, sub=grant.sub, sid=client_session.sid)


def issue_for_client(
    client: Client,
    *,
    scope: str,
    resources: Sequence[Resource] = (),
    cnf: dict[str, str] | None = None,
    not_after: datetime | None = None,
) -> tuple[str, AccessToken]:
    """Issue an access token to a client that acts for itself (rfc6749 §4.4)."""
    state = db.session.get_one(ProviderState, THE_ROW, populate_existing=True)
    form, now = form_of(client, resources), clock.now()
    values = {
        "id": new_id(),
        "client_id": client.id,
        "scope": _scope_at(resources, scope),
        "audience": [resource.identifier for resource in resources] or None,
        "cnf": cnf,
        "client_epoch": client.epoch,
        "credentials_epoch": client.credentials_epoch,
        "provider_epoch": state.epoch,
        "created_at": now,
        "expires_at": min(now + form.lifetime, not_after or now + form.lifetime),
    }
    # rfc9068 §2.2: without a person the subject is the client.
    return _stored(values, form, client=client, sub=client.client_id, sid=None)


def _stored(
    values: dict[str, Any], form: TokenForm, *, client: Client, sub: str, sid: str | None
) -> tuple[str, AccessToken]:
    """Give a token its handle and store it, even a signed one, so that revoking it works at once."""
    if form.signing_alg is None:
        handle = new_handle(ACCESS_TOKEN_PREFIX)
    else:
        handle = jwt_access.sign(row_of(AccessToken, values), client, sub=sub, sid=sid, alg=form.signing_alg)
    about = {"is_signed": form.signing_alg is not None, "digest": digest_of(handle)}
    return handle, insert_at_commit(AccessToken, values | about)


def form_of(client: Client, resources: Sequence[Resource]) -> TokenForm:
    """Return the token format that all resource servers of a token accept. Raises InvalidTarget."""
    forms = {_form_for(resource) for resource in resources} or {_usual_form(client)}
    kinds = {form.signing_alg for form in forms}
    # rfc9068 §3: otherwise it is ambiguous which of a token's scopes is meant for which of its audiences.
    scopes = {frozenset(resource.scopes.split()) for resource in resources}
    if len(kinds) > 1 or len(scopes) > 1:
        raise InvalidTarget(
            "these resources require different kinds of tokens; request one resource at a time"
        )
    return TokenForm(kinds.pop(), min(form.lifetime for form in forms))


def _form_for(resource: Resource) -> TokenForm:
    settings = current.settings()
    if resource.access_token_format == TokenFormat.JWT:
        alg = resource.access_token_signing_alg or jwt_access.USUAL_ALG
        return TokenForm(alg, resource.access_token_lifetime or settings.jwt_access_token_lifetime)
    return TokenForm(None, resource.access_token_lifetime or settings.access_token_lifetime)


def _usual_form(client: Client) -> TokenForm:
    settings = current.settings()
    if client.metadata_.access_token_format == TokenFormat.JWT:
        return TokenForm(jwt_access.USUAL_ALG, settings.jwt_access_token_lifetime)
    return TokenForm(None, settings.access_token_lifetime)


def _scope_at(resources: Sequence[Resource], scope: str) -> str:
    """Return the part of a scope that these servers know; it is the same for all of them (rfc8707 §2.2)."""
    known = resources[0].scopes.split() if resources else ()
    return " ".join(narrowed(scope.split(), known))
