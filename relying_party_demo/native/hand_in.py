"""Hand in what earlier sign-outs of this device left pending: at each start, and by `flush`."""

import time
from dataclasses import dataclass
from http import HTTPStatus

from curfew_rp.errors import ProviderUnreachable
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.locks import changing
from relying_party_demo.native.pending import Kind, Pending
from relying_party_demo.native.push import HookFailed

# Final refusals: the token or the client is unknown, so there is nothing left to revoke.
_FINAL = {"invalid_grant", "invalid_client", "unauthorized_client", "invalid_token"}
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The result: what was done, what is left, and why."""

    done: int
    left: int
    trouble: str = ""


def hand_in(app: NativeApp) -> HandedIn:
    """Hand in everything that is pending, until an attempt fails. A repetition is harmless."""
    done, trouble = 0, ""
    owed = app.pending.list_all()
    for one in owed:
        trouble = "" if one.is_too_old else _try(app, one)
        if trouble:
            break
        with changing(app.config.data_dir):
            app.pending.remove(one)
        done += 1
    return HandedIn(done, len(owed) - done, trouble)


def hand_in_within(app: NativeApp, seconds: float) -> HandedIn:
    """Hand in everything that is pending, waiting up to `seconds` for a network."""
    deadline = time.monotonic() + seconds
    done = 0
    while True:
        outcome = hand_in(app)
        done += outcome.done
        if not outcome.left or time.monotonic() > deadline:
            return HandedIn(done, outcome.left, outcome.trouble)
        time.sleep(_POLL_SECONDS)


def _try(app: NativeApp, one: Pending) -> str:
    """Return why it has to be tried again; empty if it is done."""
    try:
        match one.kind:
            case Kind.PUSH:
                app.push.deregister(one.value)
                return ""
            case Kind.REVOCATION:
                return _revoke(app, one.value)
    except (ProviderUnreachable, HookFailed) as exc:
        return str(exc)


def _revoke(app: NativeApp, token: str) -> str:
    """Revoke a token (rfc7009 §2.1); this does not need its key, which no longer exists."""
    form = {"token": token, "token_type_hint": "refresh_token", "client_id": app.config.client_id}
    response = app.wire.send("POST", app.provider.endpoint("revocation_endpoint"), form=form)
    if response.status == HTTPStatus.OK or response.document().get("error") in _FINAL:
        return ""
    return f"the provider answered HTTP {response.status}"
