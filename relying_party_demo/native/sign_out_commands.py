"""The two kinds of the command `logout`."""

from argparse import Namespace

from curfew_rp.errors import ProviderUnreachable
from relying_party_demo.native.app import NativeApp
from relying_party_demo.native.outcomes import Exit, exit_of
from relying_party_demo.native.plain_text import count, plain
from relying_party_demo.native.refusals import Code, Refused
from relying_party_demo.native.sign_in_commands import open_browser
from relying_party_demo.native.sign_out_everywhere import Preview, preview, sign_out_everywhere
from relying_party_demo.native.sign_out_here import remember_to_ask, sign_out_here
from relying_party_demo.native.terminal import Terminal


def logout(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Sign out on this device, or on all devices."""
    if given.everywhere:
        return _everywhere(app, given, terminal)
    sign_out_here(app)
    remember_to_ask(app, wanted=not given.browser)
    terminal.say("Signed out on this device.")
    terminal.say("The revocation at the provider is pending; the next command or `flush` hands it in.")
    return _end_browser_session(app, given, terminal) if given.browser else Exit.DONE


def _everywhere(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    try:
        if not given.yes and not terminal.ask_red(_question(preview(app))):
            terminal.say("Nothing was changed.")
            return Exit.CANCELLED
        terminal.say("Signing out on all devices…")
        ended = sign_out_everywhere(app)
    except ProviderUnreachable as exc:
        terminal.say(f"No network: {exc}. Nothing was deleted, and you are still signed in.")
        terminal.say("To sign out on this device alone, which needs no network: logout")
        return Exit.NO_NETWORK
    except Refused as exc:
        return _refused(exc, terminal)
    remember_to_ask(app, wanted=True)
    sessions, apps = count(ended.sessions, "session"), count(ended.apps, "app")
    terminal.say(f"Signed out on all devices: {sessions} ended, {apps} to notify.")
    terminal.say("Sign in with: login")
    return Exit.DONE


def _refused(exc: Refused, terminal: Terminal) -> Exit:
    code, sentence = exit_of(exc)
    terminal.say(sentence)
    if exc.code is not Code.NO_TOKEN:
        terminal.say("Nothing was deleted. To sign out on this device alone: logout")
    return code


def _question(found: Preview) -> str:
    if found.sessions is None:
        return "Sign out on all devices and in all browsers? This cannot be undone."
    apps = f" and of {', '.join(map(plain, found.apps))}" if found.apps else ""
    return f"Sign out on all devices, of {count(found.sessions, 'session')}{apps}? This cannot be undone."


def _end_browser_session(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Send the browser to the provider, which shows what will end and asks (rpinitiated §2)."""
    try:
        # Without an ID Token as a hint, which would be visible in the URL; the page asks instead.
        url = f"{app.provider.endpoint('end_session_endpoint')}?client_id={app.config.client_id}"
    except ProviderUnreachable as exc:
        terminal.say(f"No network: {exc}. The browser is still signed in; the next sign-in asks again.")
        remember_to_ask(app, wanted=True)
        return Exit.NO_NETWORK
    terminal.say(f"Sign out of the browser, too:\n{url}")
    open_browser(given, url)
    return Exit.DONE
