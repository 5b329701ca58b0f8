"""Call an API as the person: refresh the token once if the API answers 401."""

from http import HTTPStatus

from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.refusals import refusal_of
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.step_up import StepUpNeeded, step_up_of
from relying_party_demo.native.tokens import refreshed, with_fresh_token
from relying_party_demo.wire import Response


def call(app: NativeApp, sign_in: SignIn, url: str, *, method: str = "GET") -> Response:
    """Return the API's response. Raises SessionEnded, StepUpNeeded, Refused or NoNetwork."""
    sign_in = with_fresh_token(app, sign_in)
    response = _ask(app, sign_in, method, url)
    if response.status == HTTPStatus.UNAUTHORIZED:
        # The reason is this device's clock or a revocation: the refresh token shows which.
        response = _ask(app, refreshed(app, sign_in), method, url)
    if not response.is_ok:
        raise refusal_of(response)
    return response


def _ask(app: NativeApp, sign_in: SignIn, method: str, url: str) -> Response:
    response = app.wire.send(method, url, key=sign_in.key, access_token=sign_in.tokens.access_token)
    # No refresh makes a sign-in more recent.
    if wanted := step_up_of(response):
        raise StepUpNeeded(wanted)
    return response
