"""Authorization responses: in the query, in the fragment or by a form, plain or as a JWT.

The JWT is signed, and encrypted to clients that registered that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from werkzeug.wrappers import Response

from provider.clients.models import Client
from provider.infrastructure import clock, current
from provider.keys import jwt
from provider.oauth.client_proof.encryption import AUTHORIZATION, encrypted
from provider.protocol.parameters import with_fragment, with_query
from provider.protocol.response_type import FORM_POST, FRAGMENT, ResponseMode
from provider.web import headers
from provider.web.layout import page
from provider.web.redirects import redirect

# jarm §2.1: 'A maximum JWT lifetime of 10 minutes is RECOMMENDED.' The person may read a page of ours first.
_SIGNED_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseAddress:
    """The redirect URI, which is proven to be the client's, and the form of the response."""

    redirect_uri: str
    client_id: str
    response_mode: ResponseMode
    # The algorithm of a signed response, and the client if such a response may be encrypted to its key.
    signature: str
    recipient: Client | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    app_name: str = ""
    # The host, if a person must see it before an error redirects there: the app registered itself.
    unchecked_host: str | None = None
    # Parameters of every response, such as session_state.
    always: Mapping[str, str] = field(default_factory=dict, repr=False)


def respond_to_app(to: ResponseAddress, said: Mapping[str, str]) -> Response:
    """Answer the app; rfc9207 §2: with `iss`, a client of several providers detects a mix-up."""
    pairs = _pairs(to, said)
    if to.response_mode.carrier == FORM_POST:
        return _by_form(to, pairs)
    return redirect(_address(to, pairs))


def show_redirect(to: ResponseAddress, error: str, description: str, status: int) -> Response:
    """Show a person where an error would redirect before they go there.

    rfc9700 §4.11.2: an error needs no sign-in and no consent, so otherwise every self-registered client could
    use us as an open redirector.
    """
    pairs = _pairs(to, {"error": error, "error_description": description})
    by_form = to.response_mode.carrier == FORM_POST
    if by_form:
        headers.allow_form_action(to.redirect_uri)
    return page(
        "error_of_app.html",
        status,
        app_name=to.app_name,
        host=to.unchecked_host,
        address=to.redirect_uri if by_form else _address(to, pairs),
        pairs=pairs if by_form else {},
        by_form=by_form,
        error=error,
        description=description,
    )


def _pairs(to: ResponseAddress, said: Mapping[str, str]) -> dict[str, str]:
    pairs = {**said, "iss": current.settings().issuer, **to.always}
    if to.state:
        pairs["state"] = to.state
    pairs = {name: value for name, value in pairs.items() if value}
    return {"response": _signed(to, pairs)} if to.response_mode.signed else pairs


def _signed(to: ResponseAddress, pairs: Mapping[str, str]) -> str:
    """Return a response as a JWT (jarm §2.1), which holds all of its parameters."""
    expires_at = clock.now() + _SIGNED_LIFETIME
    claims = {**pairs, "aud": to.client_id, "exp": int(expires_at.timestamp())}
    signed = jwt.sign(claims, typ=jwt.AUTHORIZATION_RESPONSE_TYP, alg=to.signature)
    return encrypted(signed, to.recipient, AUTHORIZATION) if to.recipient else signed


def _address(to: ResponseAddress, pairs: Mapping[str, str]) -> str:
    with_pairs = with_fragment if to.response_mode.carrier == FRAGMENT else with_query
    return with_pairs(to.redirect_uri, pairs)


def _by_form(to: ResponseAddress, pairs: Mapping[str, str]) -> Response:
    """Return a page that posts the response, or does so at a click where scripts are off (Form Post §2)."""
    headers.allow_form_action(to.redirect_uri)
    return page("form_post.html", action=to.redirect_uri, pairs=pairs, app_name=to.app_name)
