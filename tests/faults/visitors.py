"""People at their browsers, over real HTTP: they sign in at relying parties and sign out again."""

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from tests.faults.history import History, Probe, Tokens, Visit, now
from tests.faults.simulators import RelyingParty
from tests.support.forms import FormReader
from tests.support.waiting import PATIENCE

COOKIE = "curfew_session"
MOST_STEPS = 8


class Refused(Exception):
    """The provider did not do what it was asked, and said so."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"{response.status_code} at {urlsplit(response.url).path}: {response.text[:200]}")
        self.status = response.status_code
        self.location = response.headers.get("Location", "")


class Visitors:
    """Everybody who visits one provider, and the history that they write."""

    def __init__(self, issuer: str, rps: dict[str, RelyingParty], history: History, password: str) -> None:
        self.issuer = issuer
        self.rps = rps
        self.history = history
        self.password = password
        history.keep_secret(password)

    def sign_in(self, person: str, at: Sequence[str], *, scope: str = "openid profile") -> Visit:
        """Sign a person in at these relying parties, in one browser."""
        with browser_with() as browser:
            visit = Visit(person=person, began_at=now(), cookie="")
            for name in at:
                visit.client_sessions[name] = self._authorize(browser, visit, name, scope=scope)
        with self.history.lock:
            self.history.visits.append(visit)
        return visit

    def visit_rp(self, visit: Visit, rp: str) -> None:
        """Go to one more relying party with the session there is."""
        with browser_with(visit.cookie) as browser:
            visit.client_sessions[rp] = self._authorize(browser, visit, rp, scope="openid profile")

    def allow_offline(self, visit: Visit, rp: str) -> None:
        """Let a relying party act for the person beyond the session, beside what it holds of it."""
        with browser_with(visit.cookie) as browser:
            asked = {"scope": "openid offline_access", "prompt": "consent"}
            visit.offline[rp] = self._authorize(browser, visit, rp, **asked)

    def sign_out(
        self, visit: Visit, by: str | None = None, *, timeout: float = PATIENCE
    ) -> requests.Response:
        """Ask for the end as a relying party would send the browser; raises when there is no response."""
        client_session = visit.client_sessions[by or next(iter(visit.client_sessions))]
        rp = self.rps[client_session.rp]
        asked = {"id_token_hint": client_session.id_token, "post_logout_redirect_uri": f"{rp.url}/signed-out"}
        with browser_with(visit.cookie) as browser:
            visit.end_asked_at = visit.end_asked_at or now()
            began = time.monotonic()
            response = browser.get(
                f"{self.issuer}/session/end", params=asked, allow_redirects=False, timeout=timeout
            )
            if response.status_code not in (200, 303):
                raise Refused(response)
            visit.end_seconds = time.monotonic() - began
            visit.end_answered_at = visit.end_answered_at or now()
            visit.led_to = response.headers.get("Location")
            return response

    def sign_out_until_answered(self, visit: Visit, *, seconds: float = PATIENCE) -> None:
        """Do what people do: press the button again until something comes back."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.sign_out(visit)
            except (requests.RequestException, Refused):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def sign_out_by_hand(self, visit: Visit) -> str:
        """Sign out without any hint: be asked, say yes, and land on the page of results; its address."""
        with browser_with(visit.cookie) as browser:
            page = browser.get(f"{self.issuer}/session/end", timeout=PATIENCE)
            visit.end_asked_at = now()
            form = fields_of(page) | {"logout": "true"}
            response = browser.post(page.url, data=form, timeout=PATIENCE, allow_redirects=False)
            if response.status_code != 303:
                raise Refused(response)
            visit.end_answered_at = now()
            return urljoin(page.url, response.headers["Location"])

    def read_results(self, address: str) -> dict[str, str]:
        """Note the result page's words about each app as a statement to people."""
        response = _get(f"{address}/state")
        said = {app["name"].lower(): app["state"] for app in response.json()["apps"]}
        with self.history.lock:
            self.history.statements += [(address, name, state, now()) for name, state in said.items()]
        return said

    def probe(self, visit: Visit) -> list[Probe]:
        """Try everything of an ended session again; each try is noted."""
        probes = [self._probe(visit, "cookie", self._cookie_works(visit))]
        for client_session in visit.client_sessions.values():
            probes.append(self._probe(visit, "access token", self.access_token_works(client_session)))
            if client_session.refresh_token:
                probes.append(self._probe(visit, "refresh token", self.refresh_token_works(client_session)))
        return probes

    def _probe(self, visit: Visit, artefact: str, worked: bool) -> Probe:
        probe = Probe(at=now(), person=visit.person, artefact=artefact, worked=worked)
        with self.history.lock:
            self.history.probes.append(probe)
        return probe

    def _cookie_works(self, visit: Visit) -> bool:
        rp = next(iter(visit.client_sessions))
        with browser_with(visit.cookie) as browser:
            asked = self._request(rp, "openid", "unused") | {"prompt": "none"}
            response = browser.get(
                f"{self.issuer}/authorize", params=asked, allow_redirects=False, timeout=PATIENCE
            )
        return "code=" in response.headers.get("Location", "")

    def access_token_works(self, client_session: Tokens) -> bool:
        """Ask for the person's claims with it."""
        headers = {"Authorization": f"Bearer {client_session.access_token}"}
        return _get(f"{self.issuer}/userinfo", headers=headers).status_code == 200

    def refresh_token_works(self, client_session: Tokens) -> bool:
        """Ask for new tokens with it."""
        form = {"grant_type": "refresh_token", "refresh_token": client_session.refresh_token}
        return self._ask_for_tokens(client_session.rp, form).status_code == 200

    def _authorize(self, browser: requests.Session, visit: Visit, rp: str, **asked: str) -> Tokens:
        return self.exchange(rp, *self.ask_for_code(browser, visit, rp, **asked))

    def ask_for_code(self, browser: requests.Session, visit: Visit, rp: str, **asked: str) -> tuple[str, str]:
        """Send a browser to sign in at a relying party; returns the code and its verifier."""
        verifier = secrets.token_urlsafe(48)
        response = self.begin(browser, rp, verifier, **asked)
        code = self._follow(browser, response, visit.person, self.rps[rp].url)
        visit.cookie = browser.cookies.get(COOKIE) or visit.cookie
        self.history.keep_secret(code, visit.cookie)
        return code, verifier

    def begin(self, browser: requests.Session, rp: str, verifier: str, **asked: str) -> requests.Response:
        """Send a browser to the authorization endpoint, and no further."""
        return browser.get(
            f"{self.issuer}/authorize",
            params=self._request(rp, "openid", verifier) | asked,
            allow_redirects=False,
            timeout=PATIENCE,
        )

    def _follow(self, browser: requests.Session, response: requests.Response, person: str, home: str) -> str:
        for _ in range(MOST_STEPS):
            if response.status_code == 303:
                target = urljoin(response.url, response.headers["Location"])
                if target.startswith(home):
                    query = parse_qs(urlsplit(target).query)
                    if "code" not in query:
                        raise Refused(response)
                    return query["code"][0]
                response = browser.get(target, allow_redirects=False, timeout=PATIENCE)
            elif response.status_code == 200 and "/sign-in" in response.url:
                form = fields_of(response) | {"username": person, "password": self.password}
                response = browser.post(response.url, data=form, allow_redirects=False, timeout=PATIENCE)
            elif response.status_code == 200 and "/consent" in response.url:
                form = fields_of(response) | {"answer": "allow"}
                response = browser.post(response.url, data=form, allow_redirects=False, timeout=PATIENCE)
            else:
                raise Refused(response)
        raise Refused(response)

    def _request(self, rp: str, scope: str, verifier: str) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        return {
            "client_id": rp,
            "redirect_uri": f"{self.rps[rp].url}/callback",
            "response_type": "code",
            "scope": scope,
            "state": "state",
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }

    def exchange(self, rp: str, code: str, verifier: str) -> Tokens:
        """Redeem a code at the token endpoint."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{self.rps[rp].url}/callback",
            "code_verifier": verifier,
        }
        response = self._ask_for_tokens(rp, form)
        if response.status_code != 200:
            raise Refused(response)
        issued = response.json()
        claims = self.rps[rp].read_id_token(issued["id_token"])
        self.history.keep_secret(issued["id_token"], issued["access_token"], issued.get("refresh_token"))
        return Tokens(
            rp=rp,
            sid=claims.get("sid", ""),
            sub=claims["sub"],
            id_token=issued["id_token"],
            access_token=issued["access_token"],
            refresh_token=issued.get("refresh_token"),
        )

    def _ask_for_tokens(self, rp: str, form: dict[str, Any]) -> requests.Response:
        with browser_with() as program:
            return program.post(f"{self.issuer}/token", data=form, auth=(rp, secret_of(rp)), timeout=PATIENCE)


def secret_of(rp: str) -> str:
    """The secret of a relying party."""
    return f"{rp}-secret-of-thirty-two-characters"


def browser_with(cookie: str = "") -> requests.Session:
    """A browser that has this session cookie and no other."""
    browser = requests.Session()
    browser.trust_env = False
    if cookie:
        browser.cookies.set(COOKIE, cookie)
    return browser


def _get(url: str, **options: Any) -> requests.Response:
    with browser_with() as program:
        return program.get(url, timeout=PATIENCE, **options)


def fields_of(response: requests.Response) -> dict[str, str]:
    """The fields of the form on a page."""
    form = FormReader()
    form.feed(response.text)
    return form.fields
