"""The second part of the story: two phones, each with its own browser, and both kinds of sign-out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from demo.browser import Browser
from demo.phone import Phone, PhoneFailed, Said
from demo.proof import TOLD_WITHIN, Demo, wait_until
from demo.story import Story
from relying_party_demo.native.outcomes import Exit


class PhoneStory:
    """Ada's two phones along with the three apps; each step returns what was seen."""

    def __init__(self, demo: Demo, story: Story) -> None:
        self.demo = demo
        self.story = story
        self.first, self.second = (
            Phone(folder=launcher.with_name(f"{name}-data"), issuer=demo.issuer, launcher=launcher)
            for name, launcher in demo.phones.items()
        )
        self.browser, self.other_browser = Browser(), Browser()
        self._asked_at = datetime.now(UTC)

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return this part of the story in order."""
        return [
            ("two phones sign in, each by a browser of its own", self.sign_in),
            ("both phones call the bank", self.call_api),
            ("phone 1 transfers money, its sign-in being recent", self.transfer),
            ("the bank watches phone 2's account at the ledger", self.watch),
            ("phone 1 signs out on this device alone", self.sign_out_here),
            ("phone 2 and its browser are left alone", self.second_lives),
            ("phone 1 hands in the revocation", self.hand_in),
            ("phone 1 signs in again and signs out on all devices", self.sign_out_everywhere),
            ("the bank's job at the ledger is refused", self.job_has_ended),
            ("phone 2's next call is refused", self.second_is_refused),
            ("red is signed out in the browser of phone 2", self.red_is_signed_out),
            ("red signs Ada out everywhere by itself", self.red_signs_out_everywhere),
        ]

    def sign_in(self) -> str:
        """Sign in on both phones; the second phone's browser is also signed in at red."""
        self._sign_in(self.first, self.browser)
        self._sign_in(self.second, self.other_browser)
        self.other_browser.open(f"{self.demo.apps['red']}/login")
        self.story.require_signed_in(self.other_browser, "red")
        return "by the system's browser, PKCE and DPoP"

    def call_api(self) -> str:
        """Call the bank with both phones."""
        for phone in (self.first, self.second):
            _expect(phone.run("call-api", "balance"), Exit.DONE, "1843")
        return str(self._state("bank")["calls"][0]["freshness"])

    def transfer(self) -> str:
        """Make a call that requires a sign-in within the last minute."""
        _expect(self.first.run("call-api", "transfer", "--post"), Exit.DONE)
        return "made"

    def watch(self) -> str:
        """Let the bank act for the person at another service, by token exchange."""
        _expect(self.second.run("call-api", "watch", "--post"), Exit.DONE)
        wait_until(lambda: self._watch()["calls"], TOLD_WITHIN, "the bank does not call the ledger")
        call = self._state("ledger")["calls"][0]
        return f"let in, as {call['actor']} for Ada"

    def job_has_ended(self) -> str:
        """Check that the bank's own token ended with the person's."""
        wait_until(lambda: self._watch()["ended"], TOLD_WITHIN, "the bank's job goes on")
        return str(self._watch()["reason"])

    def sign_out_here(self) -> str:
        """Sign out on one phone, which makes no request."""
        _expect(self.first.run("logout"), Exit.DONE, "is pending")
        return "tokens deleted, revocation written down"

    def second_lives(self) -> str:
        """Check that nothing else has ended."""
        _expect(self.second.run("call-api", "balance"), Exit.DONE)
        self.story.require_signed_in(self.other_browser, "red")
        return "still signed in"

    def hand_in(self) -> str:
        """Hand in what is pending."""
        _expect(self.first.run("flush"), Exit.DONE, "Handed in: 1.")
        _expect(self.first.run("whoami"), Exit.SIGN_IN)
        return "refresh token revoked"

    def sign_out_everywhere(self) -> str:
        """Sign in with the same browser, which has a session, and sign out on all devices."""
        self._sign_in(self.first, self.browser)
        self._asked_at = datetime.now(UTC)
        said = self.first.run("logout", "--everywhere", answer="y\n")
        return _expect(said, Exit.DONE, "Signed out on all devices").splitlines()[-2]

    def second_is_refused(self) -> str:
        """Check that the other phone is told to sign in."""
        return _expect(self.second.run("call-api", "balance"), Exit.SIGN_IN, "session has ended").strip()

    def red_is_signed_out(self) -> str:
        """Check that a web app was notified by its Logout Token."""
        return self.story.wait_for_end(self.other_browser, "red", since=self._asked_at)

    def red_signs_out_everywhere(self) -> str:
        """Sign in at red and at phone 2, and let red call the account API."""
        self._sign_in(self.second, self.other_browser)
        red = self.demo.apps["red"]
        self.browser.open(f"{red}/login")
        if self.browser.has("sign-in"):
            self.browser.press("sign-in", username=self.demo.username, password=self.demo.password)
        self.browser.press("sign-out-everywhere")
        self.browser.press("sign-out-everywhere-confirm")
        _expect(self.second.run("call-api", "balance"), Exit.SIGN_IN)
        return "phone 2 is refused"

    def _watch(self) -> dict[str, Any]:
        newest: dict[str, Any] = self._state("bank")["watches"][0]
        return newest

    def _state(self, service: str) -> dict[str, Any]:
        state: dict[str, Any] = self.browser.ask("GET", f"{self.demo.services[service]}/state").json()
        return state

    def _sign_in(self, phone: Phone, browser: Browser) -> None:
        _expect(phone.sign_in(browser, self.demo.username, self.demo.password), Exit.DONE, "Signed in as")


def _expect(said: Said, code: Exit, words: str = "") -> str:
    if said.code != code or words not in said.text:
        raise PhoneFailed(f"exit code {said.code}: {said.text.strip()}")
    return said.text
