"""Flask: sign-in through Authlib, sign-out, the receiver of Logout Tokens, and a guard for views.

curfew = CurfewRP(app, issuer=…, client_id=…, client_secret=…, store="redis://…")

@app.get("/")
@curfew.sign_in_required
def home():
    return f"Hello {curfew.user.name}"
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import requests
from flask import Blueprint, Flask, Response, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import escape
from werkzeug.wrappers import Response as AnyResponse

from curfew_rp import flask_client
from curfew_rp.app_session import (
    AppSessions,
    SignInRefused,
    User,
    is_from_another_site,
    local_path,
    user_of,
)
from curfew_rp.errors import CannotTell
from curfew_rp.notices import Notice, Why
from curfew_rp.receiver import BODY_SIZE_LIMIT, Logout, Receipt, make_receiver
from curfew_rp.signed_token import ALGORITHMS
from curfew_rp.stores import Store

_NEXT_KEY = "curfew_rp_next"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Args = ParamSpec("Args")
Result = TypeVar("Result")


class CurfewRP:
    """Connects a Flask app to one provider.

    It adds `/login`, `/callback`, `/logout`, `/signed-out` and `/backchannel-logout`, below `url_prefix`;
    register their addresses at the provider. `base_url` is the URL at which browsers find the app; by default
    it is taken from the Host header. Views never see a session that has ended.

    `pass_on` names parameters of `/login` that are sent on to the provider, such as `prompt`. `render` makes
    the pages. `on_sign_in` is called with the token response of each sign-in, `on_logout` with each logout
    that is received, `on_receipt` with each request to the receiver, and `on_ended` with the user of a
    browser's session that has ended, after it was cleared.
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
        algorithms: Iterable[str] = ALGORITHMS,
        base_url: str | None = None,
        url_prefix: str = "",
        ca_bundle: str | None = None,
        pass_on: Iterable[str] = (),
        render: Callable[[Notice], ResponseReturnValue] | None = None,
        on_sign_in: Callable[[Mapping[str, Any]], None] | None = None,
        on_logout: Callable[[Logout], None] | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
        on_ended: Callable[[User, Why], None] | None = None,
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
        self.client = flask_client.register(
            app,
            receiver.keys,
            client_id=client_id,
            client_secret=client_secret,
            scope=scope,
            algorithms=algorithms,
            ca_bundle=ca_bundle,
        )
        app.before_request(self._refuse_ended)
        app.register_blueprint(self._blueprint(), url_prefix=url_prefix or None)
        app.extensions["curfew_rp"] = self

    @property
    def user(self) -> User | None:
        """The person who is signed in with this request's session."""
        return user_of(session)

    def sign_out(self) -> User | None:
        """Sign this request's session out of this app only; return the user who was signed in."""
        return self._end("signed out")

    def sign_in_required(self, view: Callable[Args, Result]) -> Callable[Args, Result | AnyResponse]:
        """Call a view only for people who are signed in; others are sent to sign in, or get 401."""

        @wraps(view)
        def guarded(*args: Args.args, **kwargs: Args.kwargs) -> Result | AnyResponse:
            if self.user is not None:
                return view(*args, **kwargs)
            if request.method not in ("GET", "HEAD"):
                return self._show(401, "not_signed_in", "You are not signed in.")
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
        """Run before each request, so that a session that has ended is empty when the view sees it."""
        if request.endpoint in ("static", "curfew_rp.receive"):
            return None
        user = self.user
        try:
            is_live = self.sessions.check(session)
        except CannotTell:
            return self._unavailable()
        if user is not None and not is_live:
            self._tell_ended(user, "ended")
        return None

    def _login(self) -> AnyResponse:
        session[_NEXT_KEY] = local_path(request.args.get("next"))
        wishes = {name: request.args[name] for name in self._pass_on if request.args.get(name)}
        try:
            return self.client.ask(self._address("callback"), wishes)
        except SignInRefused as exc:
            return self._refused(exc)
        except (requests.RequestException, CannotTell):
            return self._unavailable()

    def _callback(self) -> AnyResponse:
        try:
            self.sessions.check_answer(request.args)
            token, claims = self.client.redeem()
            target = local_path(session.pop(_NEXT_KEY, None))
            self._end("replaced")
            begun = self.sessions.begin(session, claims, token.get("id_token"))
        except SignInRefused as exc:
            return self._refused(exc)
        except (requests.RequestException, CannotTell):
            return self._unavailable()
        _renew_session_id()
        if not begun:
            return self._show(403, "ended_meanwhile", "You were signed out in the meantime.")
        if self._on_sign_in:
            self._on_sign_in(token)
        return redirect(target)

    def _logout(self) -> AnyResponse:
        if is_from_another_site(request.headers.get("Sec-Fetch-Site")):
            return self._show(200, "confirm", "Sign out?")
        # Sign out here first, whatever happens on the way to the provider (KIT-11).
        user = self.sign_out()
        here = self._address("signed_out")
        return redirect(self.sessions.end_session_url(user, here) or here, 303)

    def _signed_out(self) -> AnyResponse:
        return self._show(200, "signed_out", "You are signed out.")

    def _receive(self) -> AnyResponse:
        # The app's own limit would cause a 413 first; this reads no more than the kit's limit.
        request.max_content_length = sys.maxsize
        body = request.stream.read(BODY_SIZE_LIMIT + 1)
        response = self.sessions.receiver.receive(request.method, request.content_type, body)
        return Response(response.body, status=response.status, headers=response.all_headers)

    def _end(self, why: Why) -> User | None:
        user = self.sessions.end(session)
        if user is not None:
            self._tell_ended(user, why)
        return user

    def _tell_ended(self, user: User, why: Why) -> None:
        if self._on_ended:
            self._on_ended(user, why)

    def _address(self, endpoint: str) -> str:
        if self._base_url is None:
            return url_for(f"curfew_rp.{endpoint}", _external=True)
        return self._base_url.rstrip("/") + url_for(f"curfew_rp.{endpoint}")

    def _refused(self, problem: SignInRefused) -> AnyResponse:
        return self._show(400, problem.code, f"Signing in did not work: {problem}.")

    def _unavailable(self) -> AnyResponse:
        response = self._show(503, "unavailable", "Try again in a moment.")
        response.headers["Retry-After"] = "10"
        return response

    def _show(self, status: int, code: str, text: str) -> AnyResponse:
        response = current_app.make_response(self._render(Notice(status=status, code=code, text=text)))
        response.headers["Cache-Control"] = "no-store"
        return response


def _renew_session_id() -> None:
    """Change the id of a server-side session, which another person may have planted in the browser.

    Flask's own sessions are cookies and have no id; Flask-Session renews its ids with `regenerate`.
    """
    renew = getattr(current_app.session_interface, "regenerate", None)
    if renew is not None:
        renew(session)


def _page(notice: Notice) -> Response:
    text = escape(notice.text)
    more = ""
    if notice.code == "confirm":
        more = f'<form method="post" action="{url_for("curfew_rp.logout")}"><button>Sign out</button></form>'
    elif notice.offers_sign_in:
        more = f'<p><a href="{url_for("curfew_rp.login")}">Sign in</a></p>'
    body = f"<!doctype html><title>{text}</title><p>{text}</p>{more}"
    return Response(body, status=notice.status, mimetype="text/html")
