"""The pages on which a person allows a device (rfc8628 §3.3): first its code, then what its app requests.

A code that came in the address is only filled in: nothing is looked up before the person has submitted the
form, and nothing is allowed before they have seen which app asks (§3.3.1).
"""

from datetime import timedelta
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients import resources
from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.infrastructure.database import transaction
from provider.pages.parked import ask_to_sign_in
from provider.protocol import user_code as user_codes
from provider.sessions.queries import FoundSession
from provider.tokens import device_codes
from provider.tokens.device_models import DeviceCode
from provider.web import csrf, network_limits
from provider.web.addresses import client_address, is_own_network
from provider.web.current_session import current_session, note_use
from provider.web.i18n import gettext as _
from provider.web.layout import page
from provider.web.route import Route

# The Retry-After of a refusal after too many codes; the limits themselves are settings.
_SECONDS_TO_WAIT = 60


def show() -> AnyResponse:
    """Ask for the code, prefilled from the address."""
    typed = user_codes.read(request.args.get("user_code", ""))
    found = current_session()
    if found is None:
        return _sign_in_first(typed)
    note_use(found)
    return _form(found, typed=user_codes.shown(typed) if typed else "")


def submit() -> AnyResponse:
    """Look the code up and show which app requests what, or ask for it again."""
    found = current_session()
    typed = user_codes.read(request.form.get("user_code", ""))
    if found is None:
        return _sign_in_first(typed)
    csrf.check(_purpose(found))
    if not _may_try(found):
        return _too_many(found)
    waiting = device_codes.find_waiting(typed) if typed else None
    if typed is None or waiting is None:
        return _form(
            found,
            sentence=_("No device is waiting for this code. Check it, or request a new one on the device."),
        )
    return _question(found, typed, *waiting)


def decide() -> AnyResponse:
    """Record the person's decision; the first answer counts, whichever page it comes from."""
    found = current_session()
    typed = user_codes.read(request.form.get("user_code", ""))
    if found is None or typed is None:
        return _sign_in_first(typed)
    # The CSRF token is bound to this code and was sent with its question, so codes cannot be guessed here.
    csrf.check(_purpose(found, typed))
    waiting = device_codes.find_waiting(typed)
    if waiting is None:
        return _already_answered(found)
    code, client = waiting
    if request.form.get("answer") not in ("allow", "deny"):
        return _question(found, typed, code, client)
    allowed = request.form["answer"] == "allow"
    with transaction():
        counted = (device_codes.allow if allowed else device_codes.deny)(code, found)
        if counted:
            _record(found, client, code, allowed=allowed)
    if not counted:
        return _already_answered(found)
    return page("device_answered.html", allowed=allowed, app_name=client.display_name)


def _sign_in_first(typed: str | None) -> AnyResponse:
    return ask_to_sign_in("device", **({"user_code": user_codes.shown(typed)} if typed else {}))


def _may_try(found: FoundSession) -> bool:
    """Count an attempt before its code is looked up, so that parallel attempts are all counted (§5.1)."""
    settings, limits = current.settings(), current.services().rate_limits
    if not limits.hit(settings.device_code_limit_account, "device-code-account", str(found.account.id)):
        # An attempt that is refused here does not count for the network: else one person could lock out
        # others.
        return False
    return network_limits.hit(settings.device_code_limit_address, "device-code-address")


def _too_many(found: FoundSession) -> Response:
    sentence = _("Too many attempts. Wait a few minutes, then try again.")
    response = _form(found, sentence=sentence, status=429)
    response.headers["Retry-After"] = str(_SECONDS_TO_WAIT)
    return response


def _already_answered(found: FoundSession) -> Response:
    return _form(found, sentence=_("This code has already been used or has expired. Nothing was changed."))


def _form(
    found: FoundSession, *, typed: str = "", sentence: str | None = None, status: int = 200
) -> Response:
    return page(
        "device.html",
        status,
        account=found.account,
        typed=typed,
        sentence=sentence,
        csrf=csrf.token_for(_purpose(found)),
    )


def _question(found: FoundSession, typed: str, code: DeviceCode, client: Client) -> Response:
    lifetime: timedelta = client.grant_lifetime or current.settings().grant_lifetime
    return page(
        "device_confirm.html",
        account=found.account,
        app_name=client.display_name,
        # SEC-1017: the operator has not reviewed such an app.
        is_unchecked=client.self_registered,
        servers=resources.names_of(code.request.get("resources", ())),
        shown_code=user_codes.shown(typed),
        asked_at=code.created_at,
        device=code.device,
        ip=code.ip,
        is_same_network=is_own_network(code.ip),
        scopes=code.scope.split(),
        offline_until=clock.now() + lifetime,
        csrf=csrf.token_for(_purpose(found, typed)),
    )


def _record(found: FoundSession, client: Client, code: DeviceCode, *, allowed: bool) -> None:
    servers = resources.servers_among(code.request.get("resources", ()))
    said: dict[str, Any] = {"resources": " ".join(servers)} if servers else {}
    record(
        EventTag.CONSENT_GIVEN if allowed else EventTag.CONSENT_DENIED,
        actor="account",
        account_id=found.account.id,
        client_id=client.client_id,
        session_id=found.session.id,
        ip=client_address(),
        scope=code.scope,
        device=code.device,
        device_ip=code.ip,
        **said,
    )


def _purpose(found: FoundSession, user_code: str = "") -> str:
    """A form that was shown to one person, or for one code, is not valid for another (THR-04)."""
    return f"device {found.session.id} {user_code}"


ROUTES = (
    Route(rule="/device", name="device", view=show),
    Route(rule="/device", name="device_submit", view=submit, methods=("POST",)),
    Route(rule="/device/confirm", name="device_confirm", view=decide, methods=("POST",)),
)
