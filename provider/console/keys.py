"""The signing keys: their states, and rotating or withdrawing one."""

from flask import request
from werkzeug.wrappers import Response

from provider.administration import signing_keys as acts
from provider.console import gate
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.infrastructure.database import reading
from provider.keys import lifecycle, queries
from provider.keys.models import KeyState
from provider.protocol.permissions import Permission
from provider.web.redirects import redirect_to

_HERE = "console.keys"
SENTENCES = {
    "rotated": "Successors are published. They sign once apps have had time to fetch them.",
    "rotated_now": "Successors sign from now on.",
    "waiting": "Nothing was changed: successors are waiting already.",
    "compromised": "The key is withdrawn for ever, and another one signs.",
}
# The meaning of each state for tokens signed with a key.
MEANINGS = {
    KeyState.NEXT: "published, and signs later",
    KeyState.ACTIVE: "signs",
    KeyState.RETIRED: "signs no more, and is still published",
    KeyState.HINT_ONLY: "only verifies old ID Token hints",
}


def show(sentence: str | None = None, status: int = 200) -> Response:
    """Show the keys that have not been destroyed."""
    with reading():
        keys = queries.list_keys(include_destroyed=False)
    return console_page(
        "console/keys.html",
        _HERE,
        status,
        keys=keys,
        signs_from={key.kid: lifecycle.signs_from(key) for key in keys if key.state == KeyState.NEXT},
        meanings=MEANINGS,
        done=SENTENCES.get(request.args.get("done", "")),
        sentence=sentence,
    )


def ask() -> Response:
    """Ask whether to rotate, and whether a key was stolen."""
    with reading():
        keys = queries.list_keys(include_destroyed=False)
    return console_page("console/keys_change.html", _HERE, keys=keys, kid=request.args.get("kid", ""))


def submit() -> Response:
    """Rotate every key, or withdraw a stolen one."""
    if request.form.get("do") == "compromise":
        return _compromise(request.form.get("kid", ""), request.form.get("typed", "").strip())
    now = request.form.get("now") == "yes"
    changes = gate.act(Permission.ROTATE_KEYS, lambda _who: acts.rotate(now=now), dangerous=True)
    done = ("rotated_now" if now else "rotated") if changes else "waiting"
    return redirect_to(_HERE, done=done)


def _compromise(kid: str, typed: str) -> Response:
    if not kid or typed != kid:
        return show("Nothing was changed: type the whole kid to confirm.", 400)
    try:
        gate.act(Permission.ROTATE_KEYS, lambda _who: acts.compromise(kid), dangerous=True)
    except queries.UnknownKey:
        return show("Nothing was changed: there is no such key.", 404)
    return redirect_to(_HERE, done="compromised")


_ROTATES = Permission.ROTATE_KEYS
ROUTES = (
    page_route("/keys", "keys", show),
    page_route("/keys/change", "keys_change", ask, needs=_ROTATES, dangerous=True),
    page_route(
        "/keys/change", "keys_change_submit", submit, needs=_ROTATES, dangerous=True, methods=("POST",)
    ),
)
