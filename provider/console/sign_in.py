"""Signing in to the console, which is a client of the provider: an authorization request and its response.

The code comes back with a `state` that only this browser can use, once; the nonce and the code verifier never
leave the server (THR-52). The code is redeemed in this process, because the console's secret is known to no
one.
"""

import base64
import hashlib
import hmac

from flask import request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from provider.accounts.roles import role_of
from provider.clients.models import Client
from provider.clients.own import CONSOLE_ID, establish_console, find_console
from provider.console.layout import plain_page
from provider.infrastructure import current, event_log
from provider.infrastructure.database import in_transaction, reading, transaction
from provider.infrastructure.opaque_tokens import new_handle
from provider.interactions.lifecycle import park, take
from provider.interactions.models import InteractionKind
from provider.protocol.errors import NotFound
from provider.protocol.parameters import with_query
from provider.protocol.scopes import OPENID
from provider.tokens import access, codes
from provider.tokens.found import find_code
from provider.tokens.liveness import FoundCode
from provider.web import cookies
from provider.web.i18n import speak
from provider.web.parameters import read_parameters
from provider.web.parking import check_parking_limit
from provider.web.redirects import redirect
from provider.web.route import Route


class NotRedeemed(Exception):
    """The response belongs to no request of this browser; the message is for the log."""


def ask_to_sign_in(back: str, *, again: bool = False) -> Response:
    """Send a person to sign in and then back to a page of the console.

    With `again`, a sign-in older than a few minutes is not enough.
    """
    client = _console()
    if not client.is_active:
        # The operator turned the console off by disabling its client.
        raise NotFound("the console is turned off")
    parked = {"back": back, "nonce": new_handle(), "code_verifier": new_handle()}
    check_parking_limit(InteractionKind.CONSOLE, parked)
    with transaction():
        state = park(InteractionKind.CONSOLE, parked, browser=cookies.bind_browser())
    asked = {
        "client_id": client.client_id,
        "redirect_uri": _callback(),
        "response_type": "code",
        "scope": OPENID,
        "state": state,
        "nonce": parked["nonce"],
        "code_challenge": _challenge_of(parked["code_verifier"]),
        "code_challenge_method": "S256",
    }
    if again:
        asked["max_age"] = str(int(current.settings().admin_sign_in_age.total_seconds()))
    return redirect(with_query(url_for("endpoints.authorize"), asked))


def switch() -> Response:
    """Let another person sign in."""
    response = ask_to_sign_in(url_for("console.overview"))
    response.headers["Location"] += "&prompt=login"
    return response


def callback() -> Response:
    """Handle the response to an authorization request, and open the console to a person with a role."""
    speak("en")
    response = read_parameters(request)
    state, browser = response.get("state", ""), cookies.browser()
    with transaction():
        parked = take(state, browser, InteractionKind.CONSOLE)
    if parked is None:
        return plain_page("console/sign_in_again.html", 400, why="gone")
    if "error" in response or response.get("iss", "") != current.settings().issuer:
        event_log.info("console_sign_in_refused", error=response.get("error", "iss"))
        return plain_page("console/sign_in_again.html", 400, why="refused")
    try:
        opened = in_transaction(lambda: _redeem(response.get("code", ""), parked.parameters))
    except NotRedeemed as exc:
        event_log.warning("console_code_refused", detail=str(exc))
        return plain_page("console/sign_in_again.html", 400, why="gone")
    if isinstance(opened, FoundCode):
        event_log.info("console_without_role", account_id=opened.account.id)
        return plain_page("console/no_role.html", 403, account=opened.account)
    cookies.keep_console(opened)
    return redirect(parked.parameters["back"])


def _redeem(code: str, parked: dict[str, str]) -> str | FoundCode:
    """Use up a code; return the handle of the console's session, or the code of a person without a role."""
    found = find_code(code)
    if found is None or not found.is_valid or found.client.client_id != CONSOLE_ID:
        raise NotRedeemed("no valid code of the console")
    challenge = _challenge_of(parked["code_verifier"])
    if not hmac.compare_digest(found.code.code_challenge or "", challenge):
        raise NotRedeemed("the code was asked for with another challenge")
    if found.code.nonce != parked["nonce"] or found.code.redirect_uri != _callback():
        raise NotRedeemed("the code answers another request")
    if not codes.use(found.code):
        raise NotRedeemed("the code was already used")
    if role_of(found.account) is None:
        return found
    handle, _ = access.issue_for_grant(
        found.client,
        found.grant,
        found.client_session,
        found.session,
        scope=OPENID,
        family_id=found.code.id,
        offline=False,
        # It may last as long as the session, because every request checks that it is live.
        lasting=True,
    )
    return handle


def _console() -> Client:
    with reading():
        known = find_console(_callback())
    if known is not None:
        return known
    try:
        return in_transaction(lambda: establish_console(_callback()))
    except IntegrityError:
        # Another process made it at the same moment.
        return in_transaction(lambda: establish_console(_callback()))


def _challenge_of(code_verifier: str) -> str:
    """rfc7636 §4.2: BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _callback() -> str:
    return current.settings().issuer + "/admin/callback"


ROUTES = (
    Route(rule="/admin/callback", name="callback", view=callback),
    Route(rule="/admin/switch", name="switch", view=switch),
)
