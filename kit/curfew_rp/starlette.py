"""Starlette and FastAPI: sign-in through Authlib, sign-out, the receiver, and a dependency for routes.

curfew = CurfewRP(app, issuer=…, client_id=…, client_secret=…, store="redis://…")
app.add_middleware(SessionMiddleware, secret_key=…)

@app.get("/")
def home(user: Annotated[User, Depends(curfew.signed_in)]):
    return {"hello": user.name}
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from html import escape
from json import JSONDecodeError
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.integrations.base_client import OAuthError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from curfew_rp import starlette_client
from curfew_rp.app_session import AppSessions, SignInRefused, User, is_from_another_site, local_path, user_of
from curfew_rp.asgi import LogoutMiddleware, OnEnded
from curfew_rp.errors import CannotTell
from curfew_rp.notices import Notice, Why
from curfew_rp.receiver import Logout, Receipt, make_receiver
from curfew_rp.signed_token import ALGORITHMS
from curfew_rp.stores import Store

_NEXT_KEY = "curfew_rp_next"


class CurfewRP:
    """Connects a Starlette or FastAPI app to one provider.

    It adds `/login`, `/callback`, `/logout`, `/signed-out` and `/backchannel-logout`, below `url_prefix`;
    register their addresses at the provider. `base_url` is the URL at which browsers find the app; by default
    it is taken from the Host header. Add the session middleware after creating this object.

    `pass_on` names parameters of `/login` that are sent on to the provider, such as `prompt`. `render` makes
    the pages. `on_sign_in` is called with the token response of each sign-in, and `on_ended` with the user of
    a browser's session that has ended, after it was cleared. In a thread, `on_logout` is called with each
    logout that is received, and `on_receipt` with each request to the receiver.
    """

    def __init__(
        self,
        app: Starlette,
        *,
        issuer: str,
        client_id: str,
        store: Store | str,
        client_secret: str | None = None,
        scope: str = "openid profile email",
        session_lifetime: timedelta = timedelta(hours=12),
        algorithms: Iterable[str] = ALGORITHMS,
        base_url: str | None = None,
        url_prefix: str = "",
        ca_bundle: str | None = None,
        pass_on: Iterable[str] = (),
        render: Callable[[Request, Notice], Response] | None = None,
        on_sign_in: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None,
        on_logout: Callable[[Logout], None] | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
        on_ended: OnEnded | None = None,
    ) -> None:
        receiver = make_receiver(
            issuer=issuer,
            client_id=client_id,
            store=store,
            session_lifetime=session_lifetime,
            algorithms=algorithms,
            ca_bundle=ca_bundle,
            on_logout=on_logout,
            on_receipt=on_receipt,
        )
        self.sessions = AppSessions(receiver)
        self._base_url = base_url
        self._pass_on = frozenset(pass_on)
        self._render = render or _page
        self._on_sign_in = on_sign_in
        self._on_ended = on_ended
        # For calls with the tokens of `on_sign_in`, and to refresh them.
        self.client = starlette_client.register(
            receiver.keys,
            client_id=client_id,
            client_secret=client_secret,
            scope=scope,
            algorithms=algorithms,
            ca_bundle=ca_bundle,
        )
        path = f"{url_prefix}/backchannel-logout"
        app.add_middleware(LogoutMiddleware, sessions=self.sessions, path=path, on_ended=on_ended)
        self._add_routes(app, url_prefix)

    def signed_in(self, connection: HTTPConnection) -> User:
        """Return the user who is signed in; a dependency for FastAPI, or a call for Starlette.

        Raises HTTPException for others: browsers are sent to sign in, programs get 401.
        """
        user = user_of(connection.session)
        if user is not None:
            return user
        accepts_pages = "text/html" in connection.headers.get("accept", "")
        if connection.scope.get("method") != "GET" or not accepts_pages:
            raise HTTPException(401, "you are not signed in")
        target = connection.url.path + (f"?{connection.url.query}" if connection.url.query else "")
        login = connection.url_for("curfew_rp_login").path
        raise HTTPException(303, headers={"Location": f"{login}?{urlencode({'next': target})}"})

    async def sign_out(self, connection: HTTPConnection) -> User | None:
        """Sign this request's session out of this app only; return the user who was signed in."""
        return await self._end(connection, "signed out")

    def _add_routes(self, app: Starlette, url_prefix: str) -> None:
        for path, name, route, methods in (
            ("/login", "curfew_rp_login", self._login, ["GET"]),
            ("/callback", "curfew_rp_callback", self._callback, ["GET"]),
            ("/logout", "curfew_rp_logout", self._logout, ["GET", "POST"]),
            ("/signed-out", "curfew_rp_signed_out", self._signed_out, ["GET"]),
        ):
            app.add_route(url_prefix + path, route, methods=methods, name=name, include_in_schema=False)

    async def _login(self, request: Request) -> Response:
        asked = request.query_params
        request.session[_NEXT_KEY] = local_path(asked.get("next"))
        wishes = {name: asked[name] for name in self._pass_on if asked.get(name)}
        try:
            return await self.client.ask(request, self._address(request, "callback"), wishes)
        except SignInRefused as exc:
            return self._refused(request, exc)
        except (httpx2.HTTPError, OAuthError, CannotTell):
            return self._unavailable(request)

    async def _callback(self, request: Request) -> Response:
        try:
            await asyncio.to_thread(self.sessions.check_answer, request.query_params)
            token, claims = await self.client.redeem(request)
            target = local_path(request.session.pop(_NEXT_KEY, None))
            await self._end(request, "replaced")
            begun = await asyncio.to_thread(
                self.sessions.begin, request.session, claims, token.get("id_token")
            )
        except SignInRefused as exc:
            return self._refused(request, exc)
        except (httpx2.HTTPError, JSONDecodeError, CannotTell):
            return self._unavailable(request)
        if not begun:
            return self._show(request, 403, "ended_meanwhile", "You were signed out in the meantime.")
        if self._on_sign_in:
            await self._on_sign_in(token)
        return RedirectResponse(target, 303)

    async def _logout(self, request: Request) -> Response:
        if is_from_another_site(request.headers.get("sec-fetch-site")):
            return self._show(request, 200, "confirm", "Sign out?")
        # Sign out here first, whatever happens on the way to the provider (KIT-11).
        user = await self.sign_out(request)
        here = self._address(request, "signed_out")
        there = await asyncio.to_thread(self.sessions.end_session_url, user, here)
        return RedirectResponse(there or here, 303)

    async def _signed_out(self, request: Request) -> Response:
        return self._show(request, 200, "signed_out", "You are signed out.")

    async def _end(self, connection: HTTPConnection, why: Why) -> User | None:
        user = await asyncio.to_thread(self.sessions.end, connection.session)
        if user is not None and self._on_ended:
            await self._on_ended(user, why)
        return user

    def _address(self, request: Request, name: str) -> str:
        url = request.url_for(f"curfew_rp_{name}")
        return str(url) if self._base_url is None else self._base_url.rstrip("/") + url.path

    def _refused(self, request: Request, problem: SignInRefused) -> Response:
        return self._show(request, 400, problem.code, f"Signing in did not work: {problem}.")

    def _unavailable(self, request: Request) -> Response:
        response = self._show(request, 503, "unavailable", "Try again in a moment.")
        response.headers["Retry-After"] = "10"
        return response

    def _show(self, request: Request, status: int, code: str, text: str) -> Response:
        response = self._render(request, Notice(status=status, code=code, text=text))
        response.headers["Cache-Control"] = "no-store"
        return response


def _page(request: Request, notice: Notice) -> Response:
    login, logout = (escape(request.url_for(f"curfew_rp_{name}").path) for name in ("login", "logout"))
    text, more = escape(notice.text), ""
    if notice.code == "confirm":
        more = f'<form method="post" action="{logout}"><button>Sign out</button></form>'
    elif notice.offers_sign_in:
        more = f'<p><a href="{login}">Sign in</a></p>'
    return HTMLResponse(f"<!doctype html><title>{text}</title><p>{text}</p>{more}", notice.status)
