"""Sign out on all devices: at the provider first, and on this device only after its confirmation."""

from dataclasses import dataclass
from http import HTTPStatus

from curfew_rp.provider_keys import Document
from relying_party_demo.native import api
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.locks import signing_out
from relying_party_demo.native.purge import purge
from relying_party_demo.native.refusals import Code, Refused, SessionEnded, refusal_of
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.wire import Response


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview of what would end; None if the provider did not state it."""

    sessions: int | None = None
    apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's statement of what has ended."""

    sessions: int
    apps: int


def preview(app: NativeApp) -> Preview:
    """Return what would end, or an empty preview if the call is refused. Raises NotSignedIn or NoNetwork."""
    try:
        document = api.call(app, app.get_sign_in(), _address(app)).document()
    except (SessionEnded, Refused):
        return Preview()
    apps = [str(one.get("name")) for one in document.get("apps", []) if isinstance(one, dict)]
    return Preview(sessions=int(document.get("session_count", 0)), apps=tuple(apps))


def sign_out_everywhere(app: NativeApp) -> Ended:
    """Let the provider end everything, then delete what is stored here.

    Raises Refused or NoNetwork, in which case nothing was deleted, SignOutInProgress or PurgeIncomplete. A
    second attempt after a lost response gets the same response.
    """
    with signing_out(app.config.data_dir):
        sign_in = app.record.load()
        if sign_in is None:
            raise Refused(Code.NO_TOKEN, "You are not signed in")
        response = _ask(app, sign_in)
        if response.status != HTTPStatus.OK:
            raise refusal_of(response)
        purge(app, sign_in)
    return _ended(response.document())


def _ask(app: NativeApp, sign_in: SignIn) -> Response:
    """Send the access token, or the refresh token if the access token has expired or is refused."""
    url, tokens = _address(app), sign_in.tokens
    if tokens.is_fresh or tokens.refresh_token is None:
        response = app.wire.send("POST", url, key=sign_in.key, access_token=tokens.access_token)
        if response.status != HTTPStatus.UNAUTHORIZED or tokens.refresh_token is None:
            return response
    form = {"refresh_token": tokens.refresh_token, "client_id": app.config.client_id}
    return app.wire.send("POST", url, form=form, key=sign_in.key)


def _address(app: NativeApp) -> str:
    return f"{app.config.issuer.rstrip('/')}/account/sign-out-everywhere"


def _ended(document: Document) -> Ended:
    apps = document.get("apps_to_notify")
    sessions = document.get("sessions_ended")
    return Ended(
        sessions=sessions if isinstance(sessions, int) else 0,
        apps=len(apps) if isinstance(apps, list) else 0,
    )
