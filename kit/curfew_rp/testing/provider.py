"""A client for the API of a running `curfew dev`: people, clients, logouts, time, and delivery faults."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Self
from urllib.parse import quote

import requests

_TIMEOUT_SECONDS = 30.0
_DELIVERED_WITHIN = timedelta(seconds=15)
_PAUSE_SECONDS = 0.02
Fault = Literal["late", "doubled", "bad", "off"]


class RefusedByProvider(Exception):
    """The provider refused a request of the test; the message is the provider's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person who can sign in."""

    username: str
    sub: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered app; one without a secret is public and uses PKCE."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Provider:
    """The provider that the tests have started."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.issuer: str = about["issuer"]
        self._api: str = about["api"]
        self._http = requests.Session()
        self._http.trust_env = False

    def add_person(
        self, username: str | None = None, *, password: str | None = None, **claims: object
    ) -> Person:
        """Add a person; missing values are made up. Raises RefusedByProvider, like all methods here."""
        asked = {"username": username, "password": password, "claims": claims or None}
        made = self._post("people", asked)
        return Person(username=made["username"], sub=made["sub"], password=made["password"])

    def add_client(self, client_id: str | None = None, **metadata: object) -> Client:
        """Register a client by its metadata (rfc7591 §2).

        Without `redirect_uris` it accepts any address on loopback; with `token_endpoint_auth_method="none"`
        it is public.
        """
        made = self._post("clients", {"client_id": client_id, **metadata})
        return Client(client_id=made["client_id"], client_secret=made.get("client_secret"), metadata=made)

    def change_client(self, client: Client, **metadata: object) -> Client:
        """Change members of a client's metadata; None removes one."""
        made = self._ask("PATCH", f"clients/{quote(client.client_id, safe='')}", metadata)
        return Client(client_id=client.client_id, client_secret=client.client_secret, metadata=made)

    def sign_in(self, browser: requests.Session, person: Person) -> str:
        """Sign a person in at the provider in this browser, without a page; return the session's id.

        The app's login address, opened in the same browser, then leads straight back to the app.
        """
        response = browser.post(
            f"{self._api}/sessions", json={"username": person.username}, timeout=_TIMEOUT_SECONDS
        )
        session_id: str = _checked(response)["id"]
        return session_id

    def sessions(self, person: Person | None = None) -> list[dict[str, Any]]:
        """Return the sessions, newest first, each with the `sid` that its apps know."""
        query = f"?username={quote(person.username, safe='')}" if person else ""
        found: list[dict[str, Any]] = self._ask("GET", f"sessions{query}")["sessions"]
        return found

    def sids(self, person: Person, client: Client) -> list[str]:
        """Return the `sid` of each sign-in of a person at a client, newest first."""
        return [
            app["sid"]
            for session in self.sessions(person)
            for app in reversed(session["apps"])
            if app["client_id"] == client.client_id
        ]

    def end_session(self, session: str) -> dict[str, Any]:
        """End a session, given by its id or by the `sid` of any of its apps; return what ended."""
        return self._post(f"sessions/{quote(session, safe='')}/end", {})

    def end_app_session(self, sid: str) -> dict[str, Any]:
        """End one app's part of a session."""
        return self._post(f"app-sessions/{quote(sid, safe='')}/end", {})

    def end_everywhere(self, person: Person) -> dict[str, Any]:
        """Sign a person out everywhere, and revoke all grants."""
        return self._post(f"people/{quote(person.username, safe='')}/end", {})

    def turn_clock(self, forward: timedelta) -> None:
        """Let time pass at the provider; apps keep their own clocks and still accept its tokens."""
        self._post("clock", {"forward": int(forward.total_seconds())})

    def faults(
        self,
        fault: Fault,
        client: Client | None = None,
        *,
        times: int | None = 1,
        seconds: float | None = None,
        token: str | None = None,
    ) -> "FaultyDeliveries":
        """Make the next attempts to notify a client fail; with `times=None` until the faults are cleared.

        Used as a context manager, it clears the faults of this client at the end. Pass the client, so that
        tests do not affect each other.
        """
        asked = {"fault": fault, "times": times, "seconds": seconds, "token": token}
        self._post("deliveries/faults", asked | ({"client_id": client.client_id} if client else {}))
        return FaultyDeliveries(self, client)

    def clear_faults(self, client: Client | None = None) -> None:
        """Remove the faults of a client, or all faults, and deliver now what they held up."""
        self._ask("DELETE", "deliveries/faults", {"client_id": client.client_id} if client else {})

    def retry(self, client: Client | None = None) -> None:
        """Make pending deliveries due at once."""
        self._post("deliveries/retry", {"client_id": client.client_id} if client else {})

    def deliveries(self, client: Client) -> list[dict[str, Any]]:
        """Return the deliveries to a client, newest first, with their attempts and the app's responses."""
        query = f"deliveries?client_id={quote(client.client_id, safe='')}"
        found: list[dict[str, Any]] = self._ask("GET", query)["deliveries"]
        return found

    def wait_delivered(self, client: Client, *, within: timedelta = _DELIVERED_WITHIN) -> None:
        """Wait until the client has accepted every notification that it is owed. Raises AssertionError."""
        owed: list[dict[str, Any]] = []

        def look() -> bool:
            owed[:] = [one for one in self.deliveries(client) if one["state"] != "accepted"]
            return not owed

        if not becomes_true(look, within):
            raise AssertionError(
                f"{client.client_id} has not accepted {len(owed)} notification(s) within {within}: {owed}"
            )

    def logout_token(
        self, client: Client, claims: Mapping[str, object] | None = None, *, typ: str | None = None
    ) -> str:
        """Sign a Logout Token for a client; a claim that is None is left out. This ends nothing."""
        asked = {"client_id": client.client_id, "claims": dict(claims or {}), "typ": typ}
        token: str = self._post("logout-tokens", asked)["logout_token"]
        return token

    def jwks(self) -> dict[str, Any]:
        """Return the keys with which the provider's tokens are verified."""
        keys: dict[str, Any] = self._http.get(f"{self.issuer}/jwks", timeout=_TIMEOUT_SECONDS).json()
        return keys

    def close(self) -> None:
        """Close the connections of this object; the provider keeps running."""
        self._http.close()

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        response = self._http.request(method, f"{self._api}/{path}", json=body, timeout=_TIMEOUT_SECONDS)
        return _checked(response)


class FaultyDeliveries:
    """Pending faults; removed at the end of a `with` block."""

    def __init__(self, provider: Provider, client: Client | None) -> None:
        self._provider = provider
        self._client = client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._provider.clear_faults(self._client)


def _checked(response: requests.Response) -> dict[str, Any]:
    said: dict[str, Any] = response.json()
    if not response.ok:
        raise RefusedByProvider(
            said.get("error_description") or f"{said.get('error')} ({response.status_code})"
        )
    return said


def becomes_true(question: Callable[[], bool], within: timedelta) -> bool:
    """Poll a condition; return whether it became true in time."""
    deadline = time.monotonic() + within.total_seconds()
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
