"""Flask: sign-in through Authlib, sign-out, the receiver of Logout Tokens, and a guard for views.

curfew = CurfewRP(app, issuer=…, client_id=…, client_secret=…, store="redis://…")

@app.get("/")
@curfew.sign_in_required
def home():
    return f"Hello {curfew.user.name}"
"""

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, Response, redirect, request, session, url_for
from joserfc.errors import JoseError
from markupsafe import escape
from werkzeug.wrappers import Response as AnyResponse

from curfew_rp import authlib_client
from curfew_rp.app_session import (
    AppSessions,
    SignInRefused,
    User,
    is_from_another_site,
    local_path,
    user_of,
)
from curfew_rp.errors import CannotTell
from curfew_rp.receiver import BODY_SIZE_LIMIT, Logout, make_receiver
from curfew_rp.stores import Store

_NEXT_KEY = "curfew_rp_next"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Args = ParamSpec("Args")
Result = TypeVar("Result")


class CurfewRP:
    """Connects a Flask app to one provider.

    It adds `/login`, `/callback`, `/logout`, `/signed-out` and `/backchannel-logout`, below `url_prefix`;
    register their addresses at the provider. All views see a session that has not ended. `on_sign_in` gets
    the token response of each sign-in, `on_logout` each logout that is received.
    """

    def __init__(
        self,
        app: Flask,
        *,
        issuer: str,
        client_id: str,
        store: Store | str,
        client_secret: str | None = None,
        scope: str = "openid profile email",
        session_lifetime: timedelta = timedelta(hours=12),
        url_prefix: str = "",
        ca_bundle: str | None = None,
        on_sign_in: Callable[[Mapping[str, Any]], None] | None = None,
        on_logout: Callable[[Logout], None] | None = None,
    ) -> None:
        receiver = make_receiver(
            issuer=issuer,
            client_id=client_id,
            store=store,
            session_lifetime=session_lifetime,
            ca_bundle=ca_bundle,
            on_logout=on_logout,
        )
        self.sessions = AppSessions(receiver)
        self._on_sign_in = on_sign_in
        self._client = OAuth(app).register(
            "curfew_rp",
            **authlib_client.settings(
                issuer=issuer,
                client_id=client_id,
                client_secret=client_secret,
                scope=scope,
                ca_bundle=ca_bundle,
            ),
        )
        app.before_request(self._refuse_ended)
        app.register_blueprint(self._blueprint(), url_prefix=url_prefix or None)
        app.extensions["curfew_rp"] = self

    @property
    def user(self) -> User | None:
        """Who is signed in with this request's session."""
        return user_of(session)

    def sign_in_required(self, view: Callable[Args, Result]) -> Callable[Args, Result | AnyResponse]:
        """Have a view called for people who are signed in; others are sent to sign in, or get 401."""

        @wraps(view)
        def guarded(*args: Args.args, **kwargs: Args.kwargs) -> Result | AnyResponse:
            if self.user is not None:
                return view(*args, **kwargs)
            if request.method not in ("GET", "HEAD"):
                return _page(401, "You are not signed in.")
            return redirect(url_for("curfew_rp.login", next=request.full_path.rstrip("?")))

        return guarded

    def _blueprint(self) -> Blueprint:
        blueprint = Blueprint("curfew_rp", __name__)
        blueprint.add_url_rule("/login", "login", self._login)
        blueprint.add_url_rule("/callback", "callback", self._callback)
        blueprint.add_url_rule("/logout", "logout", self._logout, methods=["GET", "POST"])
        blueprint.add_url_rule("/signed-out", "signed_out", self._signed_out)
        blueprint.add_url_rule("/backchannel-logout", "receive", self._receive, methods=_METHODS)
        return blueprint

    def _refuse_ended(self) -> AnyResponse | None:
        """Run before each request: a session that has ended is empty when the view sees it."""
        if request.endpoint in ("static", "curfew_rp.receive"):
            return None
        try:
            self.sessions.check(session)
        except CannotTell:
            return _unavailable()
        return None

    def _login(self) -> AnyResponse:
        session[_NEXT_KEY] = local_path(request.args.get("next"))
        try:
            answer: AnyResponse = self._client.authorize_redirect(
                url_for("curfew_rp.callback", _external=True)
            )
        except (requests.RequestException, OAuthError):
            return _unavailable()
        return answer

    def _callback(self) -> AnyResponse:
        try:
            self.sessions.check_answer(request.args)
            token = self._client.authorize_access_token()
            target = local_path(session.pop(_NEXT_KEY, None))
            begun = self.sessions.begin(session, token.get("userinfo") or {}, token.get("id_token"))
        except (OAuthError, JoseError, SignInRefused) as exc:
            return _page(400, f"Signing in did not work: {exc}.", again=True)
        except (requests.RequestException, CannotTell):
            return _unavailable()
        if not begun:
            return _page(403, "You have been signed out meanwhile.", again=True)
        if self._on_sign_in:
            self._on_sign_in(token)
        return redirect(target)

    def _logout(self) -> AnyResponse:
        if is_from_another_site(request.headers.get("Sec-Fetch-Site")):
            return _page(200, "Sign out?", form=True)
        user = self.sessions.end(session)
        here = url_for("curfew_rp.signed_out", _external=True)
        return redirect(self.sessions.end_session_url(user, here) or here)

    def _signed_out(self) -> AnyResponse:
        return _page(200, "You are signed out.", again=True)

    def _receive(self) -> AnyResponse:
        # The app's own limit would answer 413 before; no more than this is read.
        request.max_content_length = sys.maxsize
        body = request.stream.read(BODY_SIZE_LIMIT + 1)
        answer = self.sessions.receiver.receive(request.method, request.content_type, body)
        return Response(answer.body, status=answer.status, headers=answer.all_headers)


def _page(status: int, text: str, *, again: bool = False, form: bool = False) -> Response:
    link = f'<p><a href="{url_for("curfew_rp.login")}">Sign in</a></p>' if again else ""
    button = f'<form method="post" action="{url_for("curfew_rp.logout")}"><button>Sign out</button></form>'
    body = f"<!doctype html><title>{escape(text)}</title><p>{escape(text)}</p>{link}{button if form else ''}"
    return Response(body, status=status, mimetype="text/html", headers={"Cache-Control": "no-store"})


def _unavailable() -> Response:
    answer = _page(503, "Try again in a moment.")
    answer.headers["Retry-After"] = "10"
    return answer
