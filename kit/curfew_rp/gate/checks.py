"""Answer a proxy's question whether a request may pass, and how to answer it if not.

nginx asks twice: `auth_request` understands only a status, and `answer` makes the response for the browser.
Traefik, Caddy and Envoy pass the first response on (KIT-05).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from curfew_rp.errors import CannotTell
from curfew_rp.gate.addresses import target_of
from curfew_rp.gate.cookies import Cookies
from curfew_rp.gate.identity import JWT_HEADER, Identity, UnfitClaims, facts_of, identity_of, is_forged
from curfew_rp.gate.messages import Reply, Request, json_reply, redirect
from curfew_rp.gate.pages import page
from curfew_rp.gate.rules import Access, Applied, Verdict, rules_for
from curfew_rp.gate.sessions import GateSession, GateSessions
from curfew_rp.gate.settings import Settings
from curfew_rp.gate.signer import IdentitySigner

_LONGEST_URI = 8 * 1024
_log = logging.getLogger("curfew_rp")


class NotAsked(Exception):
    """The request does not come from a proxy of this gate, or not in a valid form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The request that the proxy has received."""

    method: str
    origin: str
    uri: str

    @property
    def host(self) -> str:
        """The host with its port, as in the Host header."""
        return urlsplit(self.origin).netloc


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome; `identity` is set if a session was required and is live."""

    verdict: Verdict
    applied: Applied
    identity: Identity | None = field(default=None, repr=False)


class Checks:
    """Decides on requests by the rules and the sessions."""

    def __init__(self, settings: Settings, sessions: GateSessions, cookies: Cookies) -> None:
        self._settings = settings
        self._sessions = sessions
        self._cookies = cookies
        self.signer = IdentitySigner(settings) if settings.identity_key else None

    def origin_of(self, request: Request) -> str:
        """Return the origin that the browser uses, by the headers of a trusted proxy or by Host."""
        forwarded = request.header("x-forwarded-host") if self.is_trusted(request.peer) else None
        host = forwarded or request.header("host") or ""
        origin = self._settings.hosts.get(host.lower())
        if origin is None:
            raise NotAsked(f"the host {host[:80]!r} is not that of an origin")
        return origin

    def is_trusted(self, peer: str) -> bool:
        """Return whether the address belongs to a trusted proxy, whose X-Forwarded headers count (THR-58)."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._settings.trusted_proxies)

    def check(self, request: Request) -> Reply:
        """Answer nginx: 200 with the identity headers, else 401, 403 or 503 without a body."""
        reply = self._decided(request, lambda: self._forwarded(request))
        return Reply(status=401) if reply.status in _REDIRECTS else reply

    def forward(self, request: Request) -> Reply:
        """Answer Traefik or Caddy: 200 with the identity headers, else the response for the client."""
        return self._decided(request, lambda: self._forwarded(request))

    def envoy(self, request: Request) -> Reply:
        """The same for Envoy, which queries with the method and the path of the request."""
        own = f"{self._settings.prefix}/envoy"
        uri = request.path.removeprefix(own) + (f"?{request.query}" if request.query else "")
        return self._decided(request, lambda: self._asked(request, request.method, uri))

    def answer(self, request: Request) -> Reply:
        """Answer the client in nginx's place, after `check` has refused its request."""
        reply = self.forward(request)
        if reply.status != _OK:
            return reply
        # The store is available again, or the person has signed in since.
        original = self._forwarded(request)
        if original.method == "GET":
            return redirect(target_of(original.origin, original.uri))
        return page(503, "Please try again")

    def _decided(self, request: Request, asked: Callable[[], Original]) -> Reply:
        try:
            original = asked()
        except NotAsked as exc:
            _log.warning("gate_refused reason=%s", exc)
            return json_reply(403, "access_denied", str(exc))
        applied = rules_for(
            self._settings.rules, host=original.host, method=original.method, uri=original.uri
        )
        try:
            decision = self._decide(applied, original, request)
        except CannotTell as exc:
            _log.warning("gate_undecided reason=%s", exc)
            return _unavailable(applied.access, request)
        if decision.verdict is Verdict.ALLOW:
            return Reply(status=_OK, headers=self._headers(decision.identity, original.origin))
        return self._refusal(decision, original, request)

    def _forwarded(self, request: Request) -> Original:
        method, uri = (request.header(f"x-forwarded-{name}") for name in ("method", "uri"))
        return self._asked(request, method, uri)

    def _asked(self, request: Request, method: str | None, uri: str | None) -> Original:
        if not self.is_trusted(request.peer):
            raise NotAsked(f"{request.peer} is not one of trusted_proxies")
        if not method or not uri or len(uri) > _LONGEST_URI:
            raise NotAsked("the proxy has not said which request it asks about, or one that is too long")
        if is_forged(request.headers):
            raise NotAsked("the client has sent a header that only the gate may set")
        return Original(method=method.upper(), origin=self.origin_of(request), uri=uri)

    def _decide(self, applied: Applied, original: Original, request: Request) -> Decision:
        if applied.access is Access.PUBLIC:
            return Decision(verdict=Verdict.ALLOW, applied=applied)
        session = self._sessions.find(self._cookies.session(request), original.origin)
        identity = self._identity(session) if session else None
        if session is None or identity is None:
            return Decision(verdict=applied.judge(None), applied=applied)
        facts = facts_of(session.claims, session.scopes, self._settings)
        return Decision(verdict=applied.judge(facts), applied=applied, identity=identity)

    def _identity(self, session: GateSession) -> Identity | None:
        """Return the identity; None for a session that began before the settings required another claim."""
        try:
            return identity_of(session.user.sign_in.sub, session.claims, self._settings)
        except UnfitClaims:
            return None

    def _headers(self, identity: Identity | None, origin: str) -> tuple[tuple[str, str], ...]:
        if identity is None:
            return ()
        signed = ((JWT_HEADER, self.signer.sign(identity, origin)),) if self.signer else ()
        return (*identity.headers, *signed)

    def _refusal(self, decision: Decision, original: Original, request: Request) -> Reply:
        if decision.verdict is Verdict.FORBID:
            return _forbidden(decision, original, request, self._settings.prefix)
        start = self.start_url(original)
        is_for_people = decision.applied.access is not Access.API and _accepts_pages(request)
        if is_for_people and original.method in ("GET", "HEAD") and _is_navigation(request):
            return redirect(start, 302)
        challenge = ("WWW-Authenticate", f'Session realm="{original.host}"')
        if is_for_people:
            return page(401, "Please sign in", link=(start, "Sign in")).adding(challenge)
        if decision.verdict is Verdict.STEP_UP:
            # The error code of rfc9470 §3, although the token here is a cookie.
            error, why = "insufficient_user_authentication", "a stronger sign-in is needed"
        else:
            error, why = "sign_in_required", "there is no session, or it has ended"
        return json_reply(401, error, why).adding(challenge)

    def start_url(self, original: Original) -> str:
        """Return the URL that starts a sign-in and then comes back to a request."""
        target = target_of(original.origin, original.uri)
        start = f"{self._settings.sign_in_origin(original.origin)}{self._settings.prefix}/start"
        return f"{start}?rd={quote(target, safe='/:')}"


_OK = 200
_REDIRECTS = range(300, 400)


def _forbidden(decision: Decision, original: Original, request: Request, prefix: str) -> Reply:
    sub = decision.identity.sub if decision.identity else None
    _log.warning("gate_forbidden sub=%.80r path=%.80r", sub, original.uri.partition("?")[0])
    if decision.applied.access is Access.API or not _accepts_pages(request):
        return json_reply(403, "access_denied", "the account may not use this")
    sign_out = (f"{prefix}/sign-out", "Sign out, to use another account")
    return page(403, "You may not open this page", "Your account does not have access.", link=sign_out)


def _unavailable(access: Access, request: Request) -> Reply:
    if access is not Access.API and _accepts_pages(request):
        return page(503, "Please try again", "Sign-in cannot be checked at the moment.")
    return json_reply(503, "temporarily_unavailable", "the session cannot be checked").adding(
        ("Retry-After", "10")
    )


def _accepts_pages(request: Request) -> bool:
    return "text/html" in (request.header("accept") or "")


def _is_navigation(request: Request) -> bool:
    """Return whether a person will see the response; a script or a WebSocket could not sign in."""
    mode = request.header("sec-fetch-mode")
    return mode in (None, "navigate") and request.header("sec-websocket-key") is None
