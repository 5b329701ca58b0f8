"""The tokens of the sign-in: read from a token response, and refreshed when they have expired."""

import time

from curfew_rp.provider_keys import Document
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.id_token import InvalidIDToken, validate
from relying_party_demo.native.locks import changing, refreshing
from relying_party_demo.native.refusals import Code, Refused, SessionEnded, refusal_of
from relying_party_demo.native.sign_in_record import SignIn, Tokens

# rfc6749 §5.1 recommends expires_in; without it the token is assumed to be short-lived.
USUAL_SECONDS = 300.0


def tokens_from(response: Document, *, before: Tokens | None = None) -> Tokens:
    """Read a token response; a refresh without a new refresh token keeps the old one. Raises Refused."""
    access_token, expires_in = response.get("access_token"), response.get("expires_in", USUAL_SECONDS)
    refresh_token = response.get("refresh_token", before.refresh_token if before else None)
    # rfc9449 §5: token_type DPoP means that the token is bound to our key; other types are refused.
    if str(response.get("token_type", "")).lower() != "dpop":
        raise Refused(Code.OTHER, "the provider does not bind its tokens to this device")
    if not isinstance(access_token, str) or not isinstance(expires_in, int | float):
        raise Refused(Code.OTHER, "the provider's token response is malformed")
    return Tokens(
        access_token=access_token,
        expires_at=time.time() + expires_in,
        refresh_token=refresh_token if isinstance(refresh_token, str) else None,
    )


def with_fresh_token(app: NativeApp, sign_in: SignIn) -> SignIn:
    """Return the sign-in with an access token that should work. Raises what `refreshed` raises."""
    return sign_in if sign_in.tokens.is_fresh else refreshed(app, sign_in)


def refreshed(app: NativeApp, sign_in: SignIn) -> SignIn:
    """Redeem the refresh token and store the new tokens.

    Raises SessionEnded if the provider refuses it for good, Refused for any other refusal, and NoNetwork.
    Nothing is deleted here: the caller decides what an ended session means.
    """
    with refreshing(app.config.data_dir):
        now = app.record.load()
        if now is None or now.local_id != sign_in.local_id:
            raise SessionEnded("the person signed out in the meantime")
        # Another process was faster, and its tokens are newer.
        if now.tokens.access_token != sign_in.tokens.access_token:
            return now
        return _redeem(app, now)


def _redeem(app: NativeApp, sign_in: SignIn) -> SignIn:
    if sign_in.tokens.refresh_token is None:
        raise SessionEnded("there is no refresh token")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": sign_in.tokens.refresh_token,
        "client_id": app.config.client_id,
    }
    response = app.wire.send("POST", app.provider.endpoint("token_endpoint"), form=form, key=sign_in.key)
    if not response.is_ok:
        # rfc6749 §5.2: invalid_grant is final.
        if response.document().get("error") == "invalid_grant":
            raise SessionEnded("the provider has ended the session")
        raise refusal_of(response)
    document = response.document()
    _check_same_person(app, sign_in, document)
    return _keep(app, sign_in.with_tokens(tokens_from(document, before=sign_in.tokens)))


def _check_same_person(app: NativeApp, sign_in: SignIn, document: Document) -> None:
    """core §12.2: an ID Token from a refresh has the same sub as the first one."""
    if "id_token" not in document:
        return
    try:
        claims = validate(document["id_token"], app.provider, client_id=app.config.client_id, nonce=None)
    except InvalidIDToken as exc:
        raise Refused(Code.OTHER, str(exc)) from exc
    if claims["sub"] != sign_in.sub:
        raise Refused(Code.OTHER, "the refreshed ID Token speaks of another person")


def _keep(app: NativeApp, sign_in: SignIn) -> SignIn:
    with changing(app.config.data_dir):
        now = app.record.load()
        # A sign-out of this device does not wait for requests under way. Revoking the token that it recorded
        # also ends these, because a revocation covers all tokens of the sign-in.
        if now is None or now.local_id != sign_in.local_id:
            raise SessionEnded("the person signed out in the meantime")
        app.record.save_tokens(sign_in.tokens)
    return sign_in
