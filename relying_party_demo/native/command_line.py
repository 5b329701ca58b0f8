"""The command line: one command, or a prompt for several, which helps if nothing outlives the program."""

import argparse
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from relying_party_demo.native import commands, sign_in_commands, sign_out_commands
from relying_party_demo.native.app import NativeApp, opened
from relying_party_demo.native.config import (
    DEFAULT_OFFLINE_LIMIT,
    DEFAULT_SCOPE,
    NativeConfig,
    WrongConfiguration,
)
from relying_party_demo.native.hand_in import hand_in
from relying_party_demo.native.outcomes import TROUBLE, Exit, exit_of
from relying_party_demo.native.plain_text import count
from relying_party_demo.native.sign_out_here import end_sign_in, finish_interrupted
from relying_party_demo.native.terminal import Terminal

Command = Callable[[NativeApp, Namespace, Terminal], Exit]
EXAMPLE = """example:
  python -m relying_party_demo.native --issuer http://localhost:8900 --client-id phone login

exit codes:
  0 done   1 trouble (9000)   2 wrong use   3 sign in first (9001)   4 invalid or expired session (9002)
  5 no network   6 cancelled   7 a sign-out is in progress
"""


class _WrongUse(Exception):
    """The line is not a valid command; the message says what is wrong with it."""


class _LineParser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _WrongUse(message)


def main(arguments: Sequence[str]) -> int:
    """Run a command, or show a prompt if none is given; return the exit code."""
    given = _parser().parse_args(arguments)
    terminal = Terminal()
    try:
        config = _config(given)
    except WrongConfiguration as exc:
        sys.stderr.write(f"relying_party_demo.native: {exc}\n")
        return Exit.WRONG_USE
    try:
        with opened(config) as app:
            return _run(app, given, terminal) if given.command else _prompt(app, terminal)
    except KeyboardInterrupt:
        return 130


def _run(app: NativeApp, given: Namespace, terminal: Terminal) -> Exit:
    """Run one command, after finishing what an earlier one left undone."""
    try:
        _catch_up(app, given, terminal)
        command: Command = given.run
        outcome = command(app, given, terminal)
    except TROUBLE as exc:
        outcome, sentence = exit_of(exc)
        terminal.say(sentence)
    if not app.secrets.is_lasting and not given.in_prompt:
        _leave(app, terminal)
    return outcome


def _catch_up(app: NativeApp, given: Namespace, terminal: Terminal) -> None:
    if finish_interrupted(app):
        terminal.say("A sign-out that was interrupted is now complete.")
    app.tidy()
    # A sign-out of this device makes no request, not even for an earlier one; `flush` prints its own report.
    if given.command not in ("logout", "flush") and (done := hand_in(app).done):
        terminal.say(f"Handed in what was pending: {done}.")


def _prompt(app: NativeApp, terminal: Terminal) -> Exit:
    """Read commands until the input ends."""
    parser = _LineParser(prog="", add_help=False)
    _add_commands(parser, in_prompt=True)
    while (line := terminal.read_line("phone> ")) is not None:
        try:
            words = shlex.split(line)
            if words in (["exit"], ["quit"]):
                break
            if words:
                _run(app, parser.parse_args(words), terminal)
        except (_WrongUse, ValueError) as exc:
            terminal.say(f"{exc}")
    if not app.secrets.is_lasting:
        _leave(app, terminal)
    return Exit.DONE


def _leave(app: NativeApp, terminal: Terminal) -> None:
    """Revoke at the provider what only this process's memory knows of."""
    try:
        if (sign_in := app.record.load()) is not None:
            end_sign_in(app, sign_in)
        if left := hand_in(app).left:
            terminal.say(f"No network: {count(left, 'revocation')} could not be handed in and is lost.")
    except TROUBLE as exc:
        terminal.say(exit_of(exc)[1])


def _config(given: Namespace) -> NativeConfig:
    return NativeConfig(
        issuer=given.issuer,
        client_id=given.client_id,
        data_dir=given.data_dir,
        api_url=given.api,
        scope=given.scope,
        ca_bundle=given.ca_bundle,
        insecure_storage=given.insecure_storage,
        push_hook=given.push_hook,
        offline_limit=timedelta(seconds=given.offline_limit),
    )


def _parser() -> ArgumentParser:
    """Declare the options, each with its meaning."""
    parser = ArgumentParser(
        prog="python -m relying_party_demo.native",
        description="A native app: signs a person in by the system's browser, and out again.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--issuer", required=True, help="issuer of the OpenID Provider, exactly as in its tokens")
    add("--client-id", required=True, help="client_id this app is registered with, as a public native client")
    add("--api", default="", metavar="URL", help="API to call (default: the provider's userinfo)")
    add("--scope", default=DEFAULT_SCOPE, help="scope to ask for (default: %(default)s)")
    add("--data-dir", type=Path, default=Path.home() / ".curfew-native", help="folder (default: %(default)s)")
    add("--ca-bundle", type=Path, help="certificates to trust when calling the provider")
    add("--insecure-storage", action="store_true", help="keep tokens in a plain text file (mode 0600)")
    add("--push-hook", default="", metavar="COMMAND", help="called with register or deregister, and an id")
    add(
        "--offline-limit",
        type=float,
        default=DEFAULT_OFFLINE_LIMIT.total_seconds(),
        metavar="SECONDS",
        help="how long stored data is shown without a network (default: %(default)g)",
    )
    _add_commands(parser, in_prompt=False)
    return parser


def _add_commands(parser: ArgumentParser, *, in_prompt: bool) -> None:
    parser.set_defaults(in_prompt=in_prompt)
    known = parser.add_subparsers(dest="command", metavar="COMMAND", required=in_prompt)

    def add(name: str, run: Command, meaning: str) -> ArgumentParser:
        added: ArgumentParser = known.add_parser(name, help=meaning, description=meaning)
        added.set_defaults(run=run)
        return added

    login = add("login", sign_in_commands.login, "sign in by the browser; another account here is signed out")
    login.add_argument("--fresh", action="store_true", help="ask for the password in any case")
    login.add_argument("--no-browser", action="store_true", help="only show the address")
    add("whoami", commands.whoami, "who is signed in, and what is pending")
    call = add("call-api", commands.call_api, "call the API as the person")
    call.add_argument("path", nargs="?", default="", help="path below the API's address")
    call.add_argument("--post", action="store_true", help="by POST, for calls that change something")
    call.add_argument("--no-browser", action="store_true", help="only show addresses")
    logout = add("logout", sign_out_commands.logout, "sign out on this device, without a network")
    logout.add_argument("--everywhere", action="store_true", help="sign out on all devices instead")
    logout.add_argument("--yes", action="store_true", help="do not ask")
    logout.add_argument("--browser", action="store_true", help="end the session of the browser, too")
    logout.add_argument("--no-browser", action="store_true", help="only show addresses")
    add("accounts", commands.accounts, "whose account is on this device")
    flush = add("flush", commands.flush, "hand in pending revocations")
    flush.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait for a network so long"
    )
