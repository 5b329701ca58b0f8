"""The commands apart from sign-in and sign-out: `whoami`, `call-api`, `accounts` and `flush`."""

import json
import time
from argparse import Namespace
from datetime import datetime

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_keys import Document
from relying_party_demo.native import api
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.hand_in import hand_in_within
from relying_party_demo.native.locks import changing, is_signing_out
from relying_party_demo.native.outcomes import Exit
from relying_party_demo.native.pending import Kind
from relying_party_demo.native.plain_text import plain
from relying_party_demo.native.profile import ask_profile, name_of
from relying_party_demo.native.purge import purge
from relying_party_demo.native.refusals import SessionEnded
from relying_party_demo.native.sign_in_commands import step_up
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.step_up import StepUpNeeded
from relying_party_demo.native.terminal import Terminal


def whoami(app: NativeApp, _given: Namespace, terminal: Terminal) -> Exit:
    """Show who is signed in, as the provider sees it now, and what is pending."""
    _tell_pending(app, terminal)
    begun = app.get_sign_in()
    try:
        profile = ask_profile(app, begun)
    except SessionEnded:
        return _ended(app, begun, terminal)
    except ProviderUnreachable as exc:
        return _tell_stored_profile(app, begun, terminal, exc)
    terminal.say(f"Signed in as {name_of(profile)}.")
    if is_signing_out(app.config.data_dir):
        terminal.say("A sign-out is in progress.")
    return Exit.DONE


def call_api(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Call the API; without a network show its stored response, within the offline limit."""
    begun = app.get_sign_in()
    url, method = _api_address(app, given.path), "POST" if given.post else "GET"
    try:
        try:
            response = api.call(app, begun, url, method=method)
        except StepUpNeeded as exc:
            begun = step_up(app, given, terminal, begun, exc.wanted)
            response = api.call(app, begun, url, method=method)
    except SessionEnded:
        return _ended(app, begun, terminal)
    except ProviderUnreachable:
        if given.post:
            raise
        return _show_stored_response(app, begun, terminal, url)
    text = response.body.decode(errors="replace")
    if not given.post:
        _keep_response(app, begun, url, text)
    terminal.say(readable(text))
    return Exit.DONE


def accounts(app: NativeApp, _given: Namespace, terminal: Terminal) -> Exit:
    """Show whose account is on this device, and what is pending for earlier ones, which are not named."""
    begun = app.record.load()
    if begun is None:
        terminal.say("No account is signed in on this device.")
    else:
        profile = app.data_of(begun).profile.get("claims", {"sub": begun.sub})
        terminal.say(f"{name_of(profile)} at {app.config.issuer} (scope: {plain(begun.scope)})")
    _tell_pending(app, terminal)
    return Exit.DONE


def flush(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Hand in what is pending; if requested, wait for a network."""
    outcome = hand_in_within(app, given.wait)
    if outcome.done or not outcome.left:
        terminal.say(f"Handed in: {outcome.done}.")
    if outcome.left:
        terminal.say(f"Still pending: {outcome.left} ({plain(outcome.trouble)}).")
        return Exit.NO_NETWORK
    return Exit.DONE


def readable(text: str) -> str:
    """Return a response for a terminal: JSON indented, anything else without control characters."""
    try:
        return json.dumps(json.loads(text), indent=2)
    except (ValueError, RecursionError):
        return plain(text)


def _keep_response(app: NativeApp, begun: SignIn, url: str, text: str) -> None:
    with changing(app.config.data_dir):
        now = app.record.load()
        # The call may have taken so long that the person has signed out in the meantime.
        if now is not None and now.local_id == begun.local_id:
            app.data_of(begun).write_response(url, text)


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
    terminal.say(f"Signed in as {name_of(stored['claims'])}, as known at {_time(stored)}.")
    terminal.say(f"Not checked now: {trouble}.")
    return Exit.DONE


def _show_stored_response(app: NativeApp, begun: SignIn, terminal: Terminal, url: str) -> Exit:
    stored = app.data_of(begun).find_response(url)
    if stored is None:
        raise ProviderUnreachable("the API does not answer, and no response is stored")
    if not _may_be_shown(app, stored):
        return _locked(terminal)
    terminal.say(f"No network; this is the response of {_time(stored)}:")
    terminal.say(readable(str(stored["text"])))
    return Exit.DONE


def _locked(terminal: Terminal) -> Exit:
    terminal.say("Locked: there was no network for too long. What is stored is shown once there is one.")
    return Exit.NO_NETWORK


def _may_be_shown(app: NativeApp, stored: Document) -> bool:
    at = stored.get("at")
    limit = app.config.offline_limit.total_seconds()
    # Setting the clock back must not extend the limit.
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


def _time(stored: Document) -> str:
    return f"{datetime.fromtimestamp(stored['at']).astimezone():%Y-%m-%d %H:%M}"
