"""The story of `curfew demo-check`: what a person does at three apps, and what must be true then."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from demo.api_story import APIStory
from demo.browser import TIMEOUT, Browser
from demo.proof import BACK_WITHIN, TOLD_WITHIN, Demo, require, wait_until

_OFFLINE_SCOPE = "openid profile email offline_access"


class Story:
    """Ada, her two browsers and the tokens of her sign-ins; each step returns what was seen."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.ada = Browser()
        self.second = Browser()
        self.tokens: dict[str, dict[str, str]] = {}
        self.apis = APIStory(demo.services, self.tokens)
        self._clicked_at = datetime.now(UTC)
        response = requests.get(f"{demo.issuer}/.well-known/openid-configuration", timeout=TIMEOUT)
        self.metadata: dict[str, Any] = response.json()

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the whole story in order."""
        return [
            ("Ada signs in at red with her password", self.sign_in_at_red),
            ("green by single sign-on: consent for offline access, no password", self.sign_in_at_green),
            ("blue by single sign-on: no page at all", self.sign_in_at_blue),
            ("Ada signs in with a second browser", self.sign_in_elsewhere),
            ("every token works", self.tokens_work),
            ("two APIs let blue in: one asks, one verifies the token", self.apis.both_let_in),
            ("blue stops answering", self.silence_blue),
            ("Ada signs out at red, with the ID Token as hint", self.sign_out_at_red),
            ("red has ended its local session", lambda: self.has_ended_its_session("red")),
            ("green has ended its local session", lambda: self.has_ended_its_session("green")),
            ("blue is pending", self.blue_is_pending),
            ("the API that asks refuses blue at once", self.apis.asking_refuses),
            ("blue comes back and is notified", self.blue_comes_back),
            ("the API that verifies refuses blue, too", self.apis.verifying_refuses),
            ("refresh is refused", self.refresh_is_refused),
            ("userinfo is refused", self.userinfo_is_refused),
            ("introspection says inactive", self.introspection_says_inactive),
            ("prompt=none is refused", self.silent_sign_in_is_refused),
            ("green's offline refresh still works", self.offline_refresh_works),
            ("the second browser was left alone", self.second_browser_lives),
            ("Ada signs in again and signs out everywhere", self.sign_out_everywhere),
            ("green's offline refresh is refused", self.offline_refresh_is_refused),
            ("the second browser's session has ended", self.second_browser_ended),
        ]

    def sign_in_at_red(self) -> str:
        """Sign in with the form."""
        self._sign_in_by_form(self.ada, "red")
        return f"signed in as {self._state(self.ada, 'red')['name']}"

    def sign_in_at_green(self) -> str:
        """Sign in at green, which asks for offline access; that needs a consent page (core §11)."""
        self.ada.open(f"{self.demo.apps['green']}/login", prompt="consent", scope=_OFFLINE_SCOPE)
        require(not self.ada.has("sign-in"), f"a password was asked for: {self.ada.where}")
        self.ada.press("allow")
        state = self.require_signed_in(self.ada, "green")
        require(state["has_refresh_token"], "green has no refresh token")
        return "consent given, no password"

    def sign_in_at_blue(self) -> str:
        """Sign in at blue, without any further question."""
        self.ada.open(f"{self.demo.apps['blue']}/login")
        self.require_signed_in(self.ada, "blue")
        return f"{len(self.ada.trail) - 1} redirects"

    def sign_in_elsewhere(self) -> str:
        """Sign in at red with another browser, which gets its own session."""
        self._sign_in_by_form(self.second, "red")
        own, other = self._state(self.ada, "red")["sid"], self._state(self.second, "red")["sid"]
        require(own != other, "both browsers have the same sid")
        return "another sid"

    def tokens_work(self) -> str:
        """Store the tokens of all three apps, and check that userinfo and introspection accept them."""
        for name, url in self.demo.apps.items():
            self.tokens[name] = self.ada.ask("GET", f"{url}/api/tokens").json()["session"]
            require(self._userinfo(name).status_code == 200, f"userinfo refuses the token of {name}")
            require(self._introspect(name), f"introspection calls the token of {name} inactive")
        return "userinfo and introspection accept all three"

    def silence_blue(self) -> str:
        """Turn blue's switch to silent."""
        return self._turn_blue("silent")

    def sign_out_at_red(self) -> str:
        """Press red's button; while blue has not confirmed, the browser first gets the result page."""
        self.ada.open(self.demo.apps["red"])
        self._clicked_at = datetime.now(UTC)
        self.ada.press("sign-out")
        if self.ada.url.startswith(self.demo.issuer) and self.ada.has("sign-out"):
            self.ada.press("sign-out")
        hint = any("/session/end" in url and "id_token_hint=" in url for url in self.ada.trail)
        shows_result = "/session/ended/" in self.ada.url
        require(shows_result, f"no result although blue is silent: {self.ada.where}")
        self.ada.press("continue")
        at_red = self.ada.url.startswith(f"{self.demo.apps['red']}/signed-out")
        require(at_red, f"the browser did not return to red but ended at {self.ada.where}")
        return "result with blue pending, back at red" + (
            ", hint accepted without a question" if hint else ""
        )

    def has_ended_its_session(self, name: str) -> str:
        """Check that an app ended its session because of a Logout Token."""
        return self.wait_for_end(self.ada, name)

    def blue_is_pending(self) -> str:
        """Check that the provider still has a pending notification for blue."""
        require(self._state(self.ada, "blue")["signed_in"], "blue knows already")
        state = self.demo.delivery_states().get("blue", "missing")
        require(state == "pending", f"the delivery to blue is {state}")
        return "its delivery is pending, its local session lives"

    def blue_comes_back(self) -> str:
        """Turn the switch back and wait for the retry."""
        self._turn_blue("normal")
        came_back = datetime.now(UTC)
        ended = self.wait_for_end(self.ada, "blue", since=came_back, seconds=BACK_WITHIN)
        states = self.demo.delivery_states
        wait_until(lambda: states().get("blue") == "accepted", TOLD_WITHIN, "blue is not accepted")
        return ended

    def refresh_is_refused(self) -> str:
        """Use the refresh tokens of red and blue, which have no offline access."""
        for name in ("red", "blue"):
            response = self._refresh(name)
            code = response.json().get("error")
            require(code == "invalid_grant", f"{name}: HTTP {response.status_code} {code}")
        return "invalid_grant for red and blue"

    def userinfo_is_refused(self) -> str:
        """Use the access tokens of red and blue."""
        for name in ("red", "blue"):
            status = self._userinfo(name).status_code
            require(status == 401, f"{name}: HTTP {status}")
        return "HTTP 401 for red and blue"

    def introspection_says_inactive(self) -> str:
        """Introspect the tokens of red and blue."""
        for name in ("red", "blue"):
            require(not self._introspect(name), f"the token of {name} is active")
        return "active: false for red and blue"

    def silent_sign_in_is_refused(self) -> str:
        """Try to sign in at all three without any page."""
        for name in self.demo.apps:
            self._require_no_session(self.ada, name)
        return "login_required at all three"

    def offline_refresh_works(self) -> str:
        """Let green use its offline refresh token."""
        response = self.ada.ask("POST", f"{self.demo.apps['green']}/api/refresh")
        require(response.ok, f"green: HTTP {response.status_code} {response.json().get('error')}")
        return "a new access token"

    def second_browser_lives(self) -> str:
        """Check that the other browser is still signed in at red and at the provider."""
        self.require_signed_in(self.second, "red")
        status = self.second.ask("GET", f"{self.demo.apps['red']}/api/userinfo").json()["status"]
        require(status == 200, f"userinfo answers {status}")
        self.second.open(f"{self.demo.apps['blue']}/login", prompt="none")
        self.require_signed_in(self.second, "blue")
        return "still signed in, single sign-on works"

    def sign_out_everywhere(self) -> str:
        """Sign in with the first browser again and choose the widest sign-out, which asks twice."""
        self._sign_in_by_form(self.ada, "red")
        self.ada.open(self.metadata["end_session_endpoint"])
        self.ada.press("sign-out-everywhere")
        self._clicked_at = datetime.now(UTC)
        self.ada.press("sign-out-everywhere-confirm")
        return f"red was {self.wait_for_end(self.ada, 'red')}"

    def offline_refresh_is_refused(self) -> str:
        """Let green refresh once more."""
        response = self.ada.ask("POST", f"{self.demo.apps['green']}/api/refresh")
        require(not response.ok, "green's refresh still works")
        return f"HTTP {response.status_code}"

    def second_browser_ended(self) -> str:
        """Check that the other browser was signed out at both apps and at the provider."""
        ended = {name: self.wait_for_end(self.second, name) for name in ("red", "blue")}
        self._require_no_session(self.second, "green")
        return ", ".join(f"{name} {after}" for name, after in ended.items())

    def _sign_in_by_form(self, browser: Browser, name: str) -> None:
        browser.open(f"{self.demo.apps[name]}/login")
        browser.press("sign-in", username=self.demo.username, password=self.demo.password)
        self.require_signed_in(browser, name)

    def require_signed_in(self, browser: Browser, name: str) -> dict[str, Any]:
        """Return an app's state for a browser that is signed in there. Raises Disproved."""
        state = self._state(browser, name)
        require(state["signed_in"], f"not signed in at {name}: {browser.where}")
        return state

    def _require_no_session(self, browser: Browser, name: str) -> None:
        browser.open(f"{self.demo.apps[name]}/login", prompt="none")
        error = browser.answer("error")
        require(error == "login_required", f"{name}: {error or browser.where}")

    def _state(self, browser: Browser, name: str) -> dict[str, Any]:
        state: dict[str, Any] = browser.ask("GET", f"{self.demo.apps[name]}/api/state").json()
        return state

    def _turn_blue(self, mode: str) -> str:
        response = self.ada.ask("POST", f"{self.demo.apps['blue']}/api/behaviour", {"mode": mode})
        require(response.ok, f"blue's switch: HTTP {response.status_code}")
        return f"blue is {mode}"

    def _userinfo(self, name: str) -> requests.Response:
        bearer = {"Authorization": f"Bearer {self.tokens[name]['access_token']}"}
        return requests.get(self.metadata["userinfo_endpoint"], headers=bearer, timeout=TIMEOUT)

    def _refresh(self, name: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens[name]["refresh_token"]}
        return self._post_as(name, "token_endpoint", form)

    def _introspect(self, name: str) -> bool:
        form = {"token": self.tokens[name]["access_token"]}
        return self._post_as(name, "introspection_endpoint", form).json()["active"] is True

    def _post_as(self, name: str, endpoint: str, form: dict[str, str]) -> requests.Response:
        credentials = (name, self.demo.client_secrets[name])
        return requests.post(self.metadata[endpoint], data=form, auth=credentials, timeout=TIMEOUT)

    def wait_for_end(
        self, browser: Browser, name: str, *, since: datetime | None = None, seconds: float = TOLD_WITHIN
    ) -> str:
        """Wait until an app has ended its session and accepted its Logout Token; return the time it took."""
        sid = self._state(browser, name)["sid"]

        def is_over() -> bool:
            return not self._state(browser, name)["signed_in"] and self._told_at(name, sid) is not None

        wait_until(is_over, seconds, f"{name} is not signed out by a Logout Token")
        took = ((self._told_at(name, sid) or self._clicked_at) - (since or self._clicked_at)).total_seconds()
        return f"notified after {took * 1000:.0f} ms" if took < 1 else f"notified after {took:.1f} s"

    def _told_at(self, name: str, sid: str) -> datetime | None:
        events = self.ada.ask("GET", f"{self.demo.apps[name]}/api/events").json()["events"]
        tokens = [event for event in events if event["event"] == "rp_logout_token"]
        for token in tokens:
            if token.get("verdict") == "accepted" and sid.startswith(str(token.get("sid", " "))):
                return datetime.fromisoformat(token["at"])
        return None
