"""The gate as one function from a request to a reply, and the pages of sign-in and sign-out."""

import json
import logging
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from curfew_rp.app_session import AppSessions, SignInRefused
from curfew_rp.errors import CannotTell, StoreUnavailable
from curfew_rp.gate.addresses import checked_target
from curfew_rp.gate.attempts import Attempt, Attempts
from curfew_rp.gate.checks import Checks, NotAsked
from curfew_rp.gate.cookies import Cookies
from curfew_rp.gate.identity import UnfitClaims, facts_of, identity_of, kept_claims
from curfew_rp.gate.messages import Reply, Request, json_reply, redirect
from curfew_rp.gate.pages import page, question
from curfew_rp.gate.records import open_stores
from curfew_rp.gate.rules import Applied, Verdict, rules_for
from curfew_rp.gate.sessions import GateSession, GateSessions
from curfew_rp.gate.settings import Settings
from curfew_rp.gate.sign_in import Provider, SignedIn
from curfew_rp.receiver import make_receiver

_log = logging.getLogger("curfew_rp")
_READ = ("GET", "HEAD")


class Gate:
    """Answers proxies, browsers and the provider, for all origins of its settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store, records = open_stores(settings.store)
        self._receiver = make_receiver(
            issuer=settings.issuer,
            client_id=settings.client_id,
            store=self._store,
            session_lifetime=settings.session_lifetime,
            ca_bundle=settings.ca_bundle,
            on_logout=lambda logout: self._sessions.drop(logout.local_ids),
        )
        self._app_sessions = AppSessions(self._receiver)
        self._sessions = GateSessions(settings, self._app_sessions, records)
        self._cookies = Cookies(settings)
        self._attempts = Attempts(settings.client_secret, cookie_prefix=self._cookies.attempt_prefix)
        self._provider = Provider(settings, self._app_sessions)
        self._checks = Checks(settings, self._sessions, self._cookies)
        own = {
            "/check": (self._checks.check, None),
            "/forward": (self._checks.forward, None),
            "/answer": (self._checks.answer, None),
            "/start": (self._start, _READ),
            "/callback": (self._callback, ("GET",)),
            "/sign-out": (self._sign_out, (*_READ, "POST")),
            "/signed-out": (self._signed_out, _READ),
            "/backchannel-logout": (self._receive, None),
            "/jwks": (self._jwks, _READ),
        }
        self._routes: dict[str, tuple[Callable[[Request], Reply], tuple[str, ...] | None]] = {
            "/healthz": (self._health, _READ),
            **{settings.prefix + path: route for path, route in own.items()},
        }

    def handle(self, request: Request) -> Reply:
        """Answer a request; an unavailable store or provider leads to a 503, never to a sign-in."""
        if request.path.startswith(f"{self._settings.prefix}/envoy/"):
            return self._checks.envoy(request)
        route, methods = self._routes.get(request.path, (None, None))
        if route is None:
            return json_reply(404, "not_found", "the gate has no such page")
        if methods is not None and request.method not in methods:
            return json_reply(405, "invalid_request", "wrong method").adding(("Allow", ", ".join(methods)))
        try:
            return route(request)
        except NotAsked as exc:
            return json_reply(403, "access_denied", str(exc))
        except CannotTell as exc:
            _log.warning("gate_undecided reason=%s", exc)
            return page(503, "Please try again", "Sign-in does not work at the moment.")

    def _start(self, request: Request) -> Reply:
        here = self._checks.origin_of(request)
        target = checked_target(request.parameters().get("rd"), here=here, origins=self._settings.origins)
        signs_in_at = self._settings.sign_in_origin(here)
        if here != signs_in_at:
            return redirect(f"{signs_in_at}{self._settings.prefix}/start?rd={quote(target, safe='/:')}")
        attempt, name, value = self._attempts.begin(target)
        acr_values = self._applied(target).acr_values
        reply = redirect(self._provider.authorization_url(attempt, self._callback_at(here), acr_values))
        dropped = self._attempts.surplus(request.cookies(), name + value)
        return reply.adding(
            self._cookies.keep_attempt(name, value), *map(self._cookies.drop_attempt, dropped)
        )

    def _callback(self, request: Request) -> Reply:
        here, response = self._checks.origin_of(request), request.parameters()
        attempt = self._attempts.find(response.get("state"), request.cookies())
        if attempt is None and self._find(request, here) is not None:
            # The response was already used, by a second click or by going back.
            return redirect(f"{here}/")
        if attempt is None:
            return self._failed(f"{here}/", "This sign-in is not one of this browser, or it took too long.")
        try:
            signed_in = self._provider.redeem(attempt, response, self._callback_at(here))
            reply = self._begin(request, here, attempt, signed_in)
        except (SignInRefused, UnfitClaims) as exc:
            _log.warning("gate_sign_in_refused reason=%s", exc)
            reply = self._failed(attempt.target, f"Signing in did not work: {exc}.")
        return reply.adding(self._cookies.drop_attempt(self._cookies.attempt_prefix + attempt.state))

    def _begin(self, request: Request, here: str, attempt: Attempt, signed_in: SignedIn) -> Reply:
        """Begin a new session, in place of the one that the browser had."""
        claims = kept_claims(signed_in.claims, self._settings)
        identity_of(str(signed_in.id_claims.get("sub")), claims, self._settings)
        facts = facts_of(claims, signed_in.scopes, self._settings)
        if self._applied(attempt.target).judge(facts) is Verdict.STEP_UP:
            return self._failed(attempt.target, "This page needs a stronger sign-in than the provider made.")
        handle = self._sessions.begin(
            here,
            signed_in.id_claims,
            signed_in.id_token,
            claims,
            signed_in.scopes,
        )
        if handle is None:
            return self._failed(attempt.target, "You were signed out in the meantime.")
        if (replaced := self._find(request, here)) is not None:
            self._sessions.end(replaced)
        _log.info("gate_signed_in sub=%.80r", signed_in.id_claims.get("sub"))
        return redirect(attempt.target).adding(self._cookies.keep_session(handle))

    def _sign_out(self, request: Request) -> Reply:
        here = self._checks.origin_of(request)
        if not _is_meant(request, here):
            if request.method == "POST":
                return json_reply(403, "access_denied", "another site has sent this request")
            return question("Sign out?", _SIGN_OUT_TEXT, f"{self._settings.prefix}/sign-out", "Sign out")
        session = self._session_to_end(request, here)
        if session is not None:
            self._sessions.end(session)
            _log.info("gate_signed_out sub=%.80r", session.user.sign_in.sub)
        # There is only one URL to register if one origin signs everybody in.
        back = f"{self._settings.sign_in_origin(here)}{self._settings.prefix}/signed-out"
        there = self._app_sessions.end_session_url(session.user if session else None, back)
        # The browser also drops its cached pages of the app.
        return redirect(there or back).adding(self._cookies.drop_session(), ("Clear-Site-Data", '"cache"'))

    def _session_to_end(self, request: Request, here: str) -> GateSession | None:
        """Find the session, or None if the store is unavailable: the provider can still end it."""
        try:
            return self._find(request, here)
        except StoreUnavailable:
            _log.warning("sign_out_not_shared", exc_info=True)
            return None

    def _signed_out(self, request: Request) -> Reply:
        here = self._checks.origin_of(request)
        return page(200, "You are signed out", link=(f"{here}/", "Sign in again"))

    def _receive(self, request: Request) -> Reply:
        response = self._receiver.receive(request.method, request.header("content-type"), request.body)
        headers = tuple(pair for pair in response.all_headers.items() if pair[0] != "Cache-Control")
        return Reply(status=response.status, body=response.body, headers=headers)

    def _jwks(self, _: Request) -> Reply:
        keys = self._checks.signer.jwks() if self._checks.signer else []
        body = json.dumps({"keys": keys}).encode()
        return Reply(status=200, body=body, headers=(("Content-Type", "application/jwk-set+json"),))

    def _health(self, _: Request) -> Reply:
        self._store.marks(["health"])
        return Reply(status=200, body=b"ok\n", headers=(("Content-Type", "text/plain"),))

    def _find(self, request: Request, here: str) -> GateSession | None:
        return self._sessions.find(self._cookies.session(request), here)

    def _applied(self, target: str) -> Applied:
        origin = _origin_of(target)
        host, uri = urlsplit(origin).netloc, target.removeprefix(origin)
        return rules_for(self._settings.rules, host=host, method="GET", uri=uri)

    def _callback_at(self, origin: str) -> str:
        return f"{origin}{self._settings.prefix}/callback"

    def _failed(self, target: str, text: str) -> Reply:
        again = f"{self._settings.prefix}/start?rd={quote(target, safe='/:')}"
        return page(403, "You are not signed in", text, link=(again, "Try again"))


_SIGN_OUT_TEXT = "You will be signed out of this app and of the other apps that share your sign-in."


def _origin_of(target: str) -> str:
    parts = urlsplit(target)
    return f"{parts.scheme}://{parts.netloc}"


def _is_meant(request: Request, here: str) -> bool:
    """Return whether the person asked for the sign-out here, by the form or a link on this origin."""
    site, origin = request.header("sec-fetch-site"), request.header("origin")
    if request.method == "POST":
        return origin == here if site is None else site == "same-origin"
    is_click = request.header("sec-fetch-user") == "?1" and request.header("sec-fetch-mode") == "navigate"
    return site == "same-origin" and is_click
