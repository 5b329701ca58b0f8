"""Calling an API as the person: refreshed once when it answers 401."""

from http import HTTPStatus

from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.refusals import refusal_of
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.step_up import StepUpNeeded, step_up_of
from relying_party_demo.native.tokens import refreshed, with_fresh_token
from relying_party_demo.wire import Answer


def call(app: NativeApp, sign_in: SignIn, url: str, *, method: str = "GET") -> Answer:
    """Return the API's answer. Raises SessionEnded, StepUpNeeded, Refused or NoNetwork."""
    sign_in = with_fresh_token(app, sign_in)
    answer = _ask(app, sign_in, method, url)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        # The clock of this device, or a revocation: the refresh token tells which.
        answer = _ask(app, refreshed(app, sign_in), method, url)
    if not answer.is_ok:
        raise refusal_of(answer)
    return answer


def _ask(app: NativeApp, sign_in: SignIn, method: str, url: str) -> Answer:
    answer = app.wire.send(method, url, key=sign_in.key, access_token=sign_in.tokens.access_token)
    # No refresh makes a sign-in more recent.
    if wanted := step_up_of(answer):
        raise StepUpNeeded(wanted)
    return answer
