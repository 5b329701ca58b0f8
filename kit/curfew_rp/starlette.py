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
from curfew_rp.asgi import LogoutMiddleware
from curfew_rp.errors import CannotTell
from curfew_rp.receiver import Logout, make_receiver
from curfew_rp.signed_token import ALGORITHMS
from curfew_rp.stores import Store

_NEXT_KEY = "curfew_rp_next"


class CurfewRP:
    """Connects a Starlette or FastAPI app to one provider.

    It adds `/login`, `/callback`, `/logout`, `/signed-out` and `/backchannel-logout`; register their
    addresses at the provider. `base_url` is where browsers find the app, unless that is what the header Host
    says. Add the middleware of the sessions after it. `on_sign_in` gets the token
    response of each sign-in, `on_logout`, in a thread, each logout that is received.
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
        ca_bundle: str | None = None,
        on_sign_in: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None,
        on_logout: Callable[[Logout], None] | None = None,
    ) -> None:
        receiver = make_receiver(
            issuer=issuer,
            client_id=client_id,
            store=store,
            session_lifetime=session_lifetime,
            algorithms=algorithms,
            ca_bundle=ca_bundle,
            on_logout=on_logout,
        )
        self.sessions = AppSessions(receiver)
        self._base_url = base_url
        self._on_sign_in = on_sign_in
        # For calls with the tokens of `on_sign_in`.
        self.client = starlette_client.register(
            receiver.keys,
            client_id=client_id,
            client_secret=client_secret,
            scope=scope,
            algorithms=algorithms,
            ca_bundle=ca_bundle,
        )
        app.add_middleware(LogoutMiddleware, sessions=self.sessions)
        self._add_routes(app)

    def signed_in(self, connection: HTTPConnection) -> User:
        """Return who is signed in: a dependency of FastAPI, or a call for Starlette.

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

    def _add_routes(self, app: Starlette) -> None:
        for path, name, route, methods in (
            ("/login", "curfew_rp_login", self._login, ["GET"]),
            ("/callback", "curfew_rp_callback", self._callback, ["GET"]),
            ("/logout", "curfew_rp_logout", self._logout, ["GET", "POST"]),
            ("/signed-out", "curfew_rp_signed_out", self._signed_out, ["GET"]),
        ):
            app.add_route(path, route, methods=methods, name=name, include_in_schema=False)

    async def _login(self, request: Request) -> Response:
        request.session[_NEXT_KEY] = local_path(request.query_params.get("next"))
        here = self._address(request, "callback")
        try:
            answer: Response = await self.client.authorize_redirect(request, here)
        except (httpx2.HTTPError, OAuthError, CannotTell):
            return _unavailable(request)
        return answer

    async def _callback(self, request: Request) -> Response:
        try:
            await asyncio.to_thread(self.sessions.check_answer, request.query_params)
            token, claims = await self.client.redeem(request)
            target = local_path(request.session.pop(_NEXT_KEY, None))
            begun = await asyncio.to_thread(
                self.sessions.begin, request.session, claims, token.get("id_token")
            )
        except SignInRefused as exc:
            return _page(request, 400, f"Signing in did not work: {exc}.", again=True)
        except (httpx2.HTTPError, JSONDecodeError, CannotTell):
            return _unavailable(request)
        if not begun:
            return _page(request, 403, "You have been signed out meanwhile.", again=True)
        if self._on_sign_in:
            await self._on_sign_in(token)
        return RedirectResponse(target, 303)

    async def _logout(self, request: Request) -> Response:
        if is_from_another_site(request.headers.get("sec-fetch-site")):
            return _page(request, 200, "Sign out?", form=True)
        user = await asyncio.to_thread(self.sessions.end, request.session)
        here = self._address(request, "signed_out")
        there = await asyncio.to_thread(self.sessions.end_session_url, user, here)
        return RedirectResponse(there or here, 303)

    def _address(self, request: Request, name: str) -> str:
        url = request.url_for(f"curfew_rp_{name}")
        return str(url) if self._base_url is None else self._base_url.rstrip("/") + url.path

    async def _signed_out(self, request: Request) -> Response:
        return _page(request, 200, "You are signed out.", again=True)


def _page(request: Request, status: int, text: str, *, again: bool = False, form: bool = False) -> Response:
    login, logout = (escape(request.url_for(f"curfew_rp_{name}").path) for name in ("login", "logout"))
    link = f'<p><a href="{login}">Sign in</a></p>' if again else ""
    button = f'<form method="post" action="{logout}"><button>Sign out</button></form>' if form else ""
    body = f"<!doctype html><title>{escape(text)}</title><p>{escape(text)}</p>{link}{button}"
    return HTMLResponse(body, status, {"Cache-Control": "no-store"})


def _unavailable(request: Request) -> Response:
    answer = _page(request, 503, "Try again in a moment.")
    answer.headers["Retry-After"] = "10"
    return answer
