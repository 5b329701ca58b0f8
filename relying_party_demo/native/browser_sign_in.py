"""Sign in with the system's browser, a loopback redirect, PKCE, and a code bound to the device's key."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from curfew_rp.provider_keys import Document
from curfew_rp.strict_json import is_numeric_date
from relying_party_demo.dpop import DPoPKey
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.id_token import LEEWAY_SECONDS, InvalidIDToken, validate
from relying_party_demo.native.loopback import Loopback
from relying_party_demo.native.refusals import Code, Refused, refusal_of
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.step_up import Wanted
from relying_party_demo.native.tokens import tokens_from

PATIENCE_SECONDS = 300.0


class SignInRefused(Exception):
    """The sign-in must not succeed; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The values that identify one attempt; none of them is used twice."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    key: DPoPKey = field(default_factory=DPoPKey.generate, repr=False)

    @property
    def code_challenge(self) -> str:
        """The S256 challenge (rfc7636 §4.2)."""
        digest = hashlib.sha256(self.code_verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sign_in(
    app: NativeApp,
    show: Callable[[str], None],
    *,
    fresh: bool,
    wanted: Wanted,
    patience: float = PATIENCE_SECONDS,
) -> tuple[SignIn, Document]:
    """Let the person sign in; return the sign-in, which is not stored yet, and the ID Token's claims.

    `show` opens the URL in the browser. `fresh` requires the password even if the browser has a session, and
    `wanted` states how recent or of which kind the sign-in must be for an API. Raises SignInRefused, Refused,
    NoResponse or ProviderUnreachable.
    """
    attempt = Attempt()
    with Loopback(attempt.state) as loopback:
        show(_authorization_url(app, attempt, loopback.redirect_uri, fresh=fresh, wanted=wanted))
        response = loopback.wait(patience)
        redirect_uri = loopback.redirect_uri
    _check_response(app, response)
    document = _redeem(app, attempt, response.get("code", ""), redirect_uri)
    tokens = tokens_from(document)
    try:
        claims = validate(
            document.get("id_token"), app.provider, client_id=app.config.client_id, nonce=attempt.nonce
        )
    except InvalidIDToken as exc:
        raise SignInRefused(str(exc)) from exc
    _check_age(claims, wanted)
    begun = SignIn(
        sub=claims["sub"],
        local_id=secrets.token_hex(16),
        scope=str(document.get("scope") or app.config.scope),
        push_registration=secrets.token_hex(16),
        tokens=tokens,
        key=attempt.key,
    )
    return begun, claims


def _authorization_url(
    app: NativeApp, attempt: Attempt, redirect_uri: str, *, fresh: bool, wanted: Wanted
) -> str:
    # core §11: offline access needs prompt=consent; rfc8252 §8.6: a page must always be shown.
    prompts = [*(["login"] if fresh else []), "consent"]
    asked = {
        "response_type": "code",
        "client_id": app.config.client_id,
        "redirect_uri": redirect_uri,
        "scope": app.config.scope,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.code_challenge,
        "code_challenge_method": "S256",
        "dpop_jkt": attempt.key.thumbprint,
        "prompt": " ".join(prompts),
        **wanted.as_parameters(),
    }
    return f"{app.provider.endpoint('authorization_endpoint')}?{urlencode(asked)}"


def _check_response(app: NativeApp, response: dict[str, str]) -> None:
    # rfc9207 §2.4: compare exactly, and refuse a response without iss when the provider promises it.
    is_promised = app.provider.metadata().get("authorization_response_iss_parameter_supported") is True
    iss = response.get("iss")
    if iss != app.config.issuer and (iss is not None or is_promised):
        raise SignInRefused("the response does not come from the provider of this app")
    if "error" in response:
        raise SignInRefused(response.get("error_description") or response["error"])


def _check_age(claims: Document, wanted: Wanted) -> None:
    # core §3.1.2.1: with max_age the ID Token has auth_time; §3.1.3.7 (13): recent enough.
    if wanted.max_age is None:
        return
    auth_time = claims.get("auth_time")
    if not is_numeric_date(auth_time) or time.time() - auth_time > wanted.max_age + LEEWAY_SECONDS:
        raise SignInRefused("the sign-in is not as recent as the API requires")


def _redeem(app: NativeApp, attempt: Attempt, code: str, redirect_uri: str) -> Document:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": app.config.client_id,
        "code_verifier": attempt.code_verifier,
    }
    response = app.wire.send("POST", app.provider.endpoint("token_endpoint"), form=form, key=attempt.key)
    if not response.is_ok:
        raise refusal_of(response)
    document = response.document()
    if "access_token" not in document:
        raise Refused(Code.OTHER, "the provider's token response is malformed")
    return document
