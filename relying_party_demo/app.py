"""The app: the kit connects it to the provider; the rest is what the app stores and shows."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from flask import Flask, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from curfew_rp.errors import CannotTell
from curfew_rp.flask import CurfewRP
from curfew_rp.receiver import Logout
from relying_party_demo import api, pages, receipts, sign_out_pages
from relying_party_demo.behaviour import Behaviour
from relying_party_demo.config import RelyingPartyConfig, origin_of
from relying_party_demo.database import Database
from relying_party_demo.journal import Journal
from relying_party_demo.local_sessions import LocalSessions
from relying_party_demo.pages import message
from relying_party_demo.relying_party import RelyingParty, current_rp, end, remember_ended

BODY_SIZE_LIMIT = 64 * 1024
PASSED_ON = ("prompt", "login_hint", "max_age", "ui_locales", "scope", "resource")


def create_app(config: RelyingPartyConfig) -> Flask:
    """Make the web app of one relying party."""
    app = Flask(__name__)
    database = Database(config.data_dir / f"{config.name}-sessions.sqlite3")
    app.config.update(
        SECRET_KEY=secret_key(config.data_dir / f"{config.name}.key"),
        # Cookies on localhost are shared across ports, so each app needs a name of its own.
        SESSION_COOKIE_NAME=f"rp_{config.name}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.is_https,
        MAX_CONTENT_LENGTH=BODY_SIZE_LIMIT,
    )
    app.extensions["relying_party"] = RelyingParty(
        config=config,
        database=database,
        curfew=connect(app, config),
        sessions=LocalSessions(database),
        journal=Journal(database, config.name),
        behaviour=Behaviour(),
    )
    for blueprint in (pages.bp, sign_out_pages.bp, api.bp):
        app.register_blueprint(blueprint)
    app.before_request(receipts.behave)
    app.before_request(refuse_foreign_forms)
    app.after_request(add_headers)
    app.context_processor(lambda: {"rp": config, "short": short})
    register_errors(app)
    return app


def connect(app: Flask, config: RelyingPartyConfig) -> CurfewRP:
    """Connect the app to its provider: sign-in, sign-out and the receiver of Logout Tokens."""
    return CurfewRP(
        app,
        issuer=config.issuer,
        client_id=config.client_id,
        client_secret=config.client_secret or None,
        scope=config.scope,
        algorithms=[config.id_token_signed_response_alg],
        store=config.store,
        base_url=config.base_url,
        ca_bundle=str(config.ca_bundle) if config.ca_bundle else None,
        pass_on=PASSED_ON,
        render=pages.notice,
        on_sign_in=keep_sign_in,
        on_logout=end_sessions,
        on_receipt=receipts.record,
        on_ended=remember_ended,
    )


def keep_sign_in(token: Mapping[str, Any]) -> None:
    """Store the tokens along with the kit's session."""
    rp = current_rp()
    if user := rp.curfew.user:
        scope = str(token.get("scope") or rp.config.scope)
        rp.sessions.add(user, token, scope)
        who = {"sub": user.sign_in.sub, "sid": user.sign_in.sid, "name": user.claims.get("name")}
        rp.journal.record("rp_signed_in", **who, scope=scope)


def end_sessions(logout: Logout) -> None:
    """Delete the tokens of the sessions that a Logout Token ended."""
    end(logout.local_ids, "ended by a Logout Token")


def secret_key(path: Path) -> str:
    """Return the key of the session cookie; it is stored, so that a restart does not sign people out."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32))
        draft.replace(path)
    return path.read_text()


def short(value: str | None) -> str:
    """Return an identifier in a short form that a person can compare by eye."""
    if not value:
        return "–"
    return value if len(value) <= 16 else f"{value[:8]}…{value[-4:]}"


def refuse_foreign_forms() -> None:
    """Refuse forms of other sites; SameSite does not help between ports of localhost."""
    if request.method != "POST" or request.endpoint == "curfew_rp.receive":
        return
    origin = request.headers.get("Origin")
    if origin not in (None, origin_of(current_rp().config.base_url), origin_of(request.host_url)):
        abort(403)


def add_headers(response: Response) -> Response:
    """Forbid caching and framing, and allow only resources that this app serves itself."""
    issuer = origin_of(current_rp().config.issuer)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self';"
        f" form-action 'self' {issuer}; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: a browser would then send "Origin: null" with our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def register_errors(app: Flask) -> None:
    """Define, here only, how failures are shown."""

    @app.errorhandler(CannotTell)
    @app.errorhandler(requests.RequestException)
    def unreachable(_: Exception) -> Response:
        sentence = "The sign-in service does not answer at the moment. Please try again in a little while."
        return message("The sign-in service is not available", sentence, status=502)

    @app.errorhandler(HTTPException)
    def plain(exc: HTTPException) -> Response:
        if request.path.startswith("/api/"):
            return Response(f'{{"error": "{exc.name}"}}\n', exc.code, mimetype="application/json")
        return message(exc.name, exc.description or "", status=exc.code or 500)
