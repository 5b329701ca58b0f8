"""The commands, each told in order: `login`, `whoami`, `call-api`, `accounts` and `flush`."""

import contextlib
import json
import time
import webbrowser
from argparse import Namespace
from datetime import datetime

from relying_party_demo.native import api
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.browser_sign_in import sign_in
from relying_party_demo.native.hand_in import hand_in_within
from relying_party_demo.native.locks import changing, is_signing_out
from relying_party_demo.native.outcomes import Exit
from relying_party_demo.native.pending import Kind
from relying_party_demo.native.plain_text import plain
from relying_party_demo.native.purge import purge
from relying_party_demo.native.push import HookFailed
from relying_party_demo.native.refusals import Code, Refused, SessionEnded
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.sign_out_here import end_sign_in, must_ask_again, remember_to_ask
from relying_party_demo.native.terminal import Terminal
from relying_party_demo.openid_provider import Document, ProviderUnreachable


def login(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Sign in through the browser; another person who is signed in here is signed out of this device."""
    before = app.record.load()
    fresh = given.fresh or before is not None or must_ask_again(app)

    def show(url: str) -> None:
        terminal.say(f"Sign in with your browser:\n{url}")
        open_browser(given, url)

    begun, claims = sign_in(app, show, fresh=fresh)
    if before is not None:
        end_sign_in(app, before)
    with changing(app.config.data_dir):
        app.record.save(begun)
    remember_to_ask(app, wanted=False)
    _register_for_push(app, begun, terminal)
    terminal.say(f"Signed in as {_name(_fetch_profile(app, begun, claims))}.")
    terminal.say(f"Tokens are kept in {app.secrets.description}.")
    if not app.secrets.is_lasting:
        terminal.say("There is no trusted keyring, so you are signed out when this program ends.")
    return Exit.DONE


def whoami(app: NativeApp, _given: Namespace, terminal: Terminal) -> Exit:
    """Tell who is signed in, as the provider sees it now, and what is pending."""
    _tell_pending(app, terminal)
    begun = app.get_sign_in()
    try:
        profile = _ask_profile(app, begun)
    except SessionEnded:
        return _ended(app, begun, terminal)
    except ProviderUnreachable as exc:
        return _tell_stored_profile(app, begun, terminal, exc)
    terminal.say(f"Signed in as {_name(profile)}.")
    if is_signing_out(app.config.data_dir):
        terminal.say("A sign-out is in progress.")
    return Exit.DONE


def call_api(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Call the API; without a network show its stored answer, as long as that is allowed."""
    begun = app.get_sign_in()
    url = _api_address(app, given.path)
    try:
        answer = api.get(app, begun, url)
    except SessionEnded:
        return _ended(app, begun, terminal)
    except ProviderUnreachable:
        return _tell_stored_answer(app, begun, terminal, url)
    text = answer.body.decode(errors="replace")
    with changing(app.config.data_dir):
        now = app.record.load()
        if now is not None and now.local_id == begun.local_id:
            app.data_of(begun).write_answer(url, text)
    terminal.say(readable(text))
    return Exit.DONE


def accounts(app: NativeApp, _given: Namespace, terminal: Terminal) -> Exit:
    """Tell whose account is on this device, and what is owed for earlier ones, which are not named."""
    begun = app.record.load()
    if begun is None:
        terminal.say("No account is signed in on this device.")
    else:
        profile = app.data_of(begun).profile.get("claims", {"sub": begun.sub})
        terminal.say(f"{_name(profile)} at {app.config.issuer} (scope: {plain(begun.scope)})")
    _tell_pending(app, terminal)
    return Exit.DONE


def flush(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Hand in what is pending, if need be as soon as there is a network."""
    outcome = hand_in_within(app, given.wait)
    if outcome.done or not outcome.left:
        terminal.say(f"Handed in: {outcome.done}.")
    if outcome.left:
        terminal.say(f"Still pending: {outcome.left} ({plain(outcome.trouble)}).")
        return Exit.NO_NETWORK
    return Exit.DONE


def open_browser(given: Namespace, url: str) -> None:
    """Open the system's browser, unless that is not wanted; the address was shown in any case."""
    if not given.no_browser:
        # It says "done" on many systems without a browser, so its word is not asked for.
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)


def readable(text: str) -> str:
    """Return an answer as a terminal may show it: JSON indented, anything else without control characters."""
    try:
        return json.dumps(json.loads(text), indent=2)
    except (ValueError, RecursionError):
        return plain(text)


def _register_for_push(app: NativeApp, begun: SignIn, terminal: Terminal) -> None:
    try:
        app.push.register(begun.push_registration)
    except HookFailed as exc:
        terminal.say(f"{exc}.")


def _fetch_profile(app: NativeApp, begun: SignIn, claims: Document) -> Document:
    try:
        return _ask_profile(app, begun)
    except (SessionEnded, Refused, ProviderUnreachable):
        # Signed in all the same; the ID Token says at least who it is.
        return claims


def _ask_profile(app: NativeApp, begun: SignIn) -> Document:
    told = api.get(app, begun, app.provider.endpoint("userinfo_endpoint")).document()
    # core §5.3.2: if the sub is another one, the UserInfo Response values MUST NOT be used.
    if told.get("sub") != begun.sub:
        raise Refused(Code.OTHER, "the provider answers for another person")
    with changing(app.config.data_dir):
        now = app.record.load()
        if now is not None and now.local_id == begun.local_id:
            app.data_of(begun).write_profile(told)
    return told


def _ended(app: NativeApp, begun: SignIn, terminal: Terminal) -> Exit:
    """Delete everything: the provider has ended the session, here or elsewhere."""
    purge(app, begun)
    terminal.say("Your session has ended, here or on another device. Sign in with: login")
    return Exit.SIGN_IN


def _tell_stored_profile(
    app: NativeApp, begun: SignIn, terminal: Terminal, trouble: ProviderUnreachable
) -> Exit:
    stored = app.data_of(begun).profile
    if not _may_be_shown(app, stored):
        return _locked(terminal)
    terminal.say(f"Signed in as {_name(stored['claims'])}, as known at {_time(stored)}.")
    terminal.say(f"Not checked now: {trouble}.")
    return Exit.DONE


def _tell_stored_answer(app: NativeApp, begun: SignIn, terminal: Terminal, url: str) -> Exit:
    stored = app.data_of(begun).find_answer(url)
    if stored is None:
        raise ProviderUnreachable("the API does not answer, and no answer is stored")
    if not _may_be_shown(app, stored):
        return _locked(terminal)
    terminal.say(f"No network; this is the answer of {_time(stored)}:")
    terminal.say(readable(str(stored["text"])))
    return Exit.DONE


def _locked(terminal: Terminal) -> Exit:
    terminal.say("Locked: there was no network for too long. What is stored is shown once there is one.")
    return Exit.NO_NETWORK


def _may_be_shown(app: NativeApp, stored: Document) -> bool:
    at = stored.get("at")
    limit = app.config.offline_limit.total_seconds()
    # A clock that was set back must not prolong it.
    return isinstance(at, int | float) and 0 <= time.time() - at <= limit


def _tell_pending(app: NativeApp, terminal: Terminal) -> None:
    owed = app.pending.list_all()
    words = {Kind.REVOCATION: "revocation at the provider", Kind.PUSH: "push deregistration"}
    for one in owed:
        terminal.say(f"Pending since {_time({'at': one.made_at})}: {words[one.kind]}.")


def _api_address(app: NativeApp, path: str) -> str:
    if not app.config.api_url:
        return app.provider.endpoint("userinfo_endpoint")
    return f"{app.config.api_url.rstrip('/')}/{path.lstrip('/')}" if path else app.config.api_url


def _name(claims: Document) -> str:
    return plain(str(claims.get("name") or claims.get("preferred_username") or claims.get("sub")))


def _time(stored: Document) -> str:
    return f"{datetime.fromtimestamp(stored['at']).astimezone():%Y-%m-%d %H:%M}"
