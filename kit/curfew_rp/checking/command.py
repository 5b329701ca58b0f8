"""`curfew-rp check`: its arguments and its output."""

import argparse
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict
from urllib.parse import urlsplit

import requests

from curfew_rp.checking.app import App, CannotPlay
from curfew_rp.checking.check import check
from curfew_rp.checking.finding import FAIL, SERVER_ERROR, Finding
from curfew_rp.checking.issuer import Issuer
from curfew_rp.checking.issuer_server import IssuerServer
from curfew_rp.checking.sessions import check_app
from curfew_rp.signed_token import ALGORITHMS

SUMMARY = "try a receiver, or a whole app, with good and bad Logout Tokens"
_RESTARTED_WITHIN_SECONDS = 120.0
_PAUSE_SECONDS = 0.1


class CannotCheck(Exception):
    """The check cannot be made; the message says why."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    command.set_defaults(run=run)
    command.add_argument("url", help="the address that Logout Tokens are posted to")
    command.add_argument("--client-id", required=True, help="the client_id of the receiver")
    command.add_argument(
        "--issuer",
        default="http://127.0.0.1:8999",
        help="the issuer that the receiver is configured with; served here at its host and port (http://127.0.0.1:8999)",
    )
    command.add_argument("--alg", choices=ALGORITHMS, default="RS256", help="how tokens are signed (RS256)")
    command.add_argument(
        "--login", metavar="URL", help="the app's address that begins a sign-in: people sign in there, too"
    )
    command.add_argument(
        "--page", metavar="URL", help="a page of the app that answers 200 to people who are signed in alone"
    )
    command.add_argument(
        "--restart", metavar="COMMAND", help="restarts the app; with it, sign-outs after a restart are tried"
    )
    command.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(asked: argparse.Namespace) -> int:
    """Run the checks and print the findings; return the exit code. Raises CannotCheck."""
    if bool(asked.login) != bool(asked.page) or (asked.restart and not asked.page):
        raise CannotCheck("--login and --page belong together, and --restart needs them")
    issuer = Issuer(asked.issuer, asked.client_id, asked.alg)
    with _server(issuer):
        findings = list(_find(asked, issuer))
    if asked.json:
        print(json.dumps([asdict(finding) for finding in findings]))  # noqa: T201 – a command speaks to its terminal.
    else:
        for finding in findings:
            rule = f" – {finding.rule}" if finding.rule else ""
            print(f"{finding.grade:5} {finding.check}: {finding.saw}{rule}")  # noqa: T201
    return 1 if any(finding.grade == FAIL for finding in findings) else 0


def _server(issuer: Issuer) -> IssuerServer:
    try:
        address = urlsplit(issuer.url)
        return IssuerServer(address.hostname or "127.0.0.1", address.port or 0, issuer)
    except (OSError, OverflowError, ValueError) as exc:
        raise CannotCheck(f"the issuer cannot be served at {issuer.url}: {exc}") from exc


def _find(asked: argparse.Namespace, issuer: Issuer) -> Iterator[Finding]:
    if not asked.page:
        yield from check(asked.url, issuer)
        return
    app = App(
        backchannel_logout_uri=asked.url,
        login_url=asked.login,
        page_url=asked.page,
        restart=(lambda: _restart(asked.restart, asked.page)) if asked.restart else None,
    )
    try:
        yield from check_app(app, issuer)
    except CannotPlay as exc:
        raise CannotCheck(str(exc)) from exc


def _restart(command: str, page: str) -> None:
    """Run the command that restarts the app, and wait until the app answers."""
    deadline = time.monotonic() + _RESTARTED_WITHIN_SECONDS
    try:
        # A shell command, as the person typed it.
        done = subprocess.run(command, shell=True, check=False, timeout=_RESTARTED_WITHIN_SECONDS)  # noqa: S602
    except subprocess.TimeoutExpired as exc:
        raise CannotCheck("the command of --restart did not end in time") from exc
    if done.returncode:
        raise CannotCheck(f"the command of --restart ended with {done.returncode}")
    while not _answers(page):
        if time.monotonic() > deadline:
            raise CannotCheck(f"after the restart {page} did not answer in time")
        time.sleep(_PAUSE_SECONDS)


def _answers(page: str) -> bool:
    try:
        response = requests.get(page, timeout=5, allow_redirects=False)
    except requests.RequestException:
        return False
    return response.status_code < SERVER_ERROR
