"""The consent page: a person says what an app may do."""

from datetime import timedelta
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import resources
from provider.infrastructure import clock, current
from provider.infrastructure.database import transaction
from provider.interactions.lifecycle import answer
from provider.pages.claim_names import claim_names
from provider.pages.nothing_waits import gone
from provider.pages.parked import ParkedAuthorization, find_parked, lead_back_to, resume
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.addresses import client_address
from provider.web.current_session import current_session
from provider.web.i18n import gettext as _
from provider.web.layout import page
from provider.web.route import Route

_ANSWERS = ("allow", "deny")


def show(handle: str) -> AnyResponse:
    """Show which app requests what; the endpoint decides whether consent is needed (ABU-64)."""
    parked = find_parked(handle)
    if parked is None:
        return gone(handle)
    found = current_session()
    return _form(parked, found) if found and _asked_scopes(parked) else _resume(parked)


def submit(handle: str) -> AnyResponse:
    """Record the person's decision."""
    parked = find_parked(handle)
    if parked is None:
        return gone(handle)
    found = current_session()
    if found is None or not _asked_scopes(parked):
        return _resume(parked)
    csrf.check(_purpose(handle, found))
    decided = request.form.get("answer")
    if decided not in _ANSWERS:
        return _form(parked, found, sentence=_("Choose whether to allow this."))
    with transaction():
        _note(parked, found, allowed=decided == "allow")
    return resume(handle)


def _resume(parked: ParkedAuthorization) -> AnyResponse:
    return resume(parked.handle, sealed=parked.interaction.sealed)


def _note(parked: ParkedAuthorization, found: FoundSession, *, allowed: bool) -> None:
    scope = " ".join(_asked_scopes(parked))
    # The answer counts only for this person: another person who signs in afterwards has agreed to nothing.
    claims = _asked_claims(parked)
    named = {"claims": " ".join(claims), "resources": " ".join(_asked_servers(parked))}
    said: dict[str, Any] = {"scope": scope} | {name: value for name, value in named.items() if value}
    decided: dict[str, object] = {"denied": True}
    if allowed:
        decided = {"consented_scope": scope, "consented_claims": claims}
    by = {"consented_by": str(found.account.id), "consented_in": found.session.consent_state}
    answer(parked.interaction, **decided, **by)
    record(
        EventTag.CONSENT_GIVEN if allowed else EventTag.CONSENT_DENIED,
        actor="account",
        account_id=found.account.id,
        client_id=parked.client.client_id,
        session_id=found.session.id,
        ip=client_address(),
        **said,
    )


def _form(parked: ParkedAuthorization, found: FoundSession, *, sentence: str | None = None) -> Response:
    lead_back_to(parked)
    lifetime: timedelta = parked.client.grant_lifetime or current.settings().grant_lifetime
    return page(
        "consent.html",
        **parked.about_app,
        # SEC-1017: the operator has not reviewed such an app.
        is_unchecked=parked.client.self_registered,
        account=found.account,
        scopes=_asked_scopes(parked),
        claims=claim_names(_asked_claims(parked)),
        servers=resources.names_of(_asked_servers(parked)),
        offline_until=clock.now() + lifetime,
        sentence=sentence,
        csrf=csrf.token_for(_purpose(parked.handle, found)),
    )


def _asked_scopes(parked: ParkedAuthorization) -> list[str]:
    """Return the scopes that would be granted, as noted by the endpoint; perhaps fewer than requested."""
    return str(parked.interaction.answers.get("consent_scope") or "").split()


def _asked_claims(parked: ParkedAuthorization) -> list[str]:
    """Return the single claims beyond these scopes (core §5.5)."""
    return list(parked.interaction.answers.get("consent_claims") or ())


def _asked_servers(parked: ParkedAuthorization) -> tuple[str, ...]:
    """Return the resource servers that the app wants to use (rfc8707)."""
    return resources.servers_among(parked.parameter("resource").split())


def _purpose(handle: str, found: FoundSession) -> str:
    """A form that was shown to one person is not valid in another person's session (THR-04)."""
    return f"consent {handle} {found.session.id}"


ROUTES = (
    Route(rule="/consent/<handle:handle>", name="consent", view=show),
    Route(rule="/consent/<handle:handle>", name="consent_submit", view=submit, methods=("POST",)),
)
