"""The soak's rule about Disconnect: what a person takes back stays taken back, whatever is under way.

One person signs in in two browsers at an app that has to ask for consent. While she disconnects it in one
browser, the app keeps signing her in silently in the other. From the moment at which the disconnection is
answered, no silent sign-in may succeed, no code may be redeemed, and no token of the app may work.
"""

import threading
import time

import requests

from tests.faults.history import Probe, Tokens, Visit, now
from tests.faults.simulators import RelyingParty
from tests.faults.site import Site, client_command
from tests.faults.visitors import TIMEOUT, Refused, browser_with, fields_of

PERSON, APP, OTHER_APP = "dora", "amber", "red"
WITHOUT_RESPONSE = (requests.RequestException, Refused)
# How many silent sign-ins are tried after the disconnection was answered.
TRIES_AFTERWARDS = 2


def prepare(site: Site) -> None:
    """Register the person and the app, which is a third-party app and has to ask for consent."""
    app = RelyingParty(APP)
    app.begin(site.history, site.issuer)
    site.rps[APP] = app
    command = [word for word in client_command(app, "ES256") if word != "--first-party"]
    site.curfew_many([["user", "add", PERSON, "--claim", f"email={PERSON}@example.test"], command])


class Disconnecting:
    """A thread that plays it over and over."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._visitors = site.visitors
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rounds = 0
        self.redeemed = 0
        self.refused = 0
        self.errors: list[BaseException] = []
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current round, and wait for it."""
        self._stop.set()
        self._thread.join(240)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._play_once()
            except BaseException as exc:  # noqa: BLE001 – kept and shown: it may be a finding.
                self.errors.append(exc)
                return

    def _play_once(self) -> None:
        here = self._sign_in([OTHER_APP, APP])
        elsewhere = self._sign_in([OTHER_APP])
        silent = _Silent(self._site, elsewhere)
        self._disconnect(here)
        silent.finish()
        self.rounds += 1
        self.redeemed += len(silent.held)
        self.refused += silent.refused_afterwards
        for tokens in (here.client_sessions.pop(APP), *silent.held):
            self._probe(tokens)
        for visit in (here, elsewhere):
            self._visitors.sign_out_until_answered(visit, seconds=120)

    def _sign_in(self, apps: list[str]) -> Visit:
        deadline = time.monotonic() + 120
        while True:
            try:
                return self._visitors.sign_in(PERSON, apps)
            except WITHOUT_RESPONSE:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _disconnect(self, visit: Visit) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                return self._press(visit)
            except WITHOUT_RESPONSE:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _press(self, visit: Visit) -> None:
        account = f"{self._site.issuer}/account"
        with browser_with(visit.cookie) as browser:
            page = browser.get(account, timeout=TIMEOUT)
            if page.status_code != 200:
                raise Refused(page)
            form = fields_of(page) | {"disconnect": APP}
            pressed = browser.post(account, data=form, timeout=TIMEOUT, allow_redirects=False)
            if pressed.status_code not in (200, 303):
                raise Refused(pressed)

    def _probe(self, tokens: Tokens) -> None:
        """Try the app's tokens; a request without a response proves nothing."""
        for artefact, works in (
            ("access token of a disconnected app", self._visitors.access_token_works),
            ("refresh token of a disconnected app", self._visitors.refresh_token_works),
        ):
            try:
                worked = works(tokens)
            except WITHOUT_RESPONSE:
                continue
            _note(self._site, artefact, worked=worked)


class _Silent:
    """An app that signs a person in without showing anything, again and again."""

    def __init__(self, site: Site, visit: Visit) -> None:
        self._site, self._visit = site, visit
        self._disconnected = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.held: list[Tokens] = []
        self.refused_afterwards = 0
        self._thread.start()

    def finish(self) -> None:
        """Note that the disconnection was answered; a few more tries follow and are noted if they succeed."""
        self._disconnected.set()
        self._thread.join(120)

    def _run(self) -> None:
        tries = 0
        while tries < TRIES_AFTERWARDS:
            begun_afterwards = self._disconnected.is_set()
            tries += begun_afterwards
            try:
                self._try(begun_afterwards=begun_afterwards)
            except Refused:
                self.refused_afterwards += begun_afterwards
            except requests.RequestException:
                continue

    def _try(self, *, begun_afterwards: bool) -> None:
        visitors = self._site.visitors
        with browser_with(self._visit.cookie) as browser:
            code, verifier = visitors.ask_for_code(
                browser, self._visit, APP, prompt="none", scope="openid profile"
            )
            if begun_afterwards:
                _note(self._site, "silent sign-in of a disconnected app", worked=True)
            redeemed_afterwards = self._disconnected.is_set()
            tokens = visitors.exchange(APP, code, verifier)
        if redeemed_afterwards:
            _note(self._site, "code of a disconnected app", worked=True)
        self.held.append(tokens)


def _note(site: Site, artefact: str, *, worked: bool) -> None:
    with site.history.lock:
        site.history.probes.append(Probe(at=now(), person=PERSON, artefact=artefact, worked=worked))
