"""Calling an API as the person: refreshed once when it answers 401, and the answer kept for later."""

from http import HTTPStatus

from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.refusals import refusal_of
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.tokens import refreshed, with_fresh_token
from relying_party_demo.native.wire import Answer


def get(app: NativeApp, sign_in: SignIn, url: str) -> Answer:
    """Return the API's answer. Raises SessionEnded, Refused or NoNetwork."""
    sign_in = with_fresh_token(app, sign_in)
    answer = _ask(app, sign_in, url)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        # The clock of this device, or a revocation: the refresh token tells which.
        answer = _ask(app, refreshed(app, sign_in), url)
    if not answer.is_ok:
        raise refusal_of(answer)
    return answer


def _ask(app: NativeApp, sign_in: SignIn, url: str) -> Answer:
    return app.wire.send("GET", url, key=sign_in.key, access_token=sign_in.tokens.access_token)
