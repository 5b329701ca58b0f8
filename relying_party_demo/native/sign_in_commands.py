"""Signing in at the terminal: the command `login`, and the sign-in that an API requires during a call."""

import contextlib
import webbrowser
from argparse import Namespace

from curfew_rp.provider_keys import Document
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.browser_sign_in import SignInRefused, sign_in
from relying_party_demo.native.locks import changing
from relying_party_demo.native.outcomes import Exit
from relying_party_demo.native.profile import fetch_profile, name_of
from relying_party_demo.native.push import HookFailed
from relying_party_demo.native.sign_in_record import SignIn
from relying_party_demo.native.sign_out_here import (
    end_sign_in,
    end_unsaved,
    must_ask_again,
    remember_to_ask,
)
from relying_party_demo.native.step_up import Wanted
from relying_party_demo.native.terminal import Terminal


def login(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Sign in through the browser; another person who is signed in here is signed out of this device."""
    before = app.record.load()
    fresh = given.fresh or before is not None or must_ask_again(app)
    begun, claims = _ask_browser(app, given, terminal, fresh=fresh)
    _replace(app, before, begun, terminal)
    terminal.say(f"Signed in as {name_of(fetch_profile(app, begun, claims))}.")
    terminal.say(f"Tokens are kept in {app.secrets.description}.")
    if not app.secrets.is_lasting:
        terminal.say("There is no trusted keyring, so you are signed out when this program ends.")
    return Exit.DONE


def step_up(app: NativeApp, given: Namespace, terminal: Terminal, before: SignIn, wanted: Wanted) -> SignIn:
    """Let the same person sign in as an API requires. Raises what `sign_in` raises."""
    terminal.say("The API requires a more recent sign-in.")
    begun, claims = _ask_browser(app, given, terminal, fresh=False, wanted=wanted)
    if begun.sub != before.sub:
        # The call was Ada's; Ben's sign-in must not make it.
        end_unsaved(app, begun)
        raise SignInRefused("another person signed in")
    _replace(app, before, begun, terminal)
    fetch_profile(app, begun, claims)
    return begun


def open_browser(given: Namespace, url: str) -> None:
    """Open the system's browser unless that is disabled; the URL has already been shown."""
    if not given.no_browser:
        # The result is ignored: on many systems without a browser it claims success.
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)


def _ask_browser(
    app: NativeApp, given: Namespace, terminal: Terminal, *, fresh: bool, wanted: Wanted | None = None
) -> tuple[SignIn, Document]:
    def show(url: str) -> None:
        terminal.say(f"Sign in with your browser:\n{url}")
        open_browser(given, url)

    return sign_in(app, show, fresh=fresh, wanted=wanted or Wanted())


def _replace(app: NativeApp, before: SignIn | None, begun: SignIn, terminal: Terminal) -> None:
    if before is not None:
        end_sign_in(app, before)
    with changing(app.config.data_dir):
        app.record.save(begun)
    remember_to_ask(app, wanted=False)
    try:
        app.push.register(begun.push_registration)
    except HookFailed as exc:
        terminal.say(f"{exc}.")
