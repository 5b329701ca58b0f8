"""The app factory: puts the parts together and sets the manners of every answer."""

import secrets

from flask import Flask, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from relying_party_demo import api, backchannel, pages, sign_in, sign_out, sign_out_everywhere
from relying_party_demo.behaviour import Behaviour
from relying_party_demo.config import RelyingPartyConfig, origin_of
from relying_party_demo.database import Database
from relying_party_demo.heard_logouts import HeardLogouts
from relying_party_demo.journal import Journal
from relying_party_demo.local_sessions import LocalSessions
from relying_party_demo.openid_client import register
from relying_party_demo.openid_provider import OpenIDProvider
from relying_party_demo.pages import message
from relying_party_demo.relying_party import RelyingParty, current_rp
from relying_party_demo.sign_in import UNREACHABLE, SignInRefused, words_for

BODY_SIZE_LIMIT = 64 * 1024


def create_app(config: RelyingPartyConfig) -> Flask:
    """Make the web app of one relying party."""
    app = Flask(__name__)
    database = Database(config.data_dir / f"{config.name}.sqlite3")
    app.config.update(
        SECRET_KEY=secret_key(database),
        # This cookie holds the state of a sign-in or sign-out under way; sessions have their own cookie.
        SESSION_COOKIE_NAME=f"rp_{config.name}_flow",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.is_https,
        MAX_CONTENT_LENGTH=BODY_SIZE_LIMIT,
    )
    provider = OpenIDProvider(config.issuer, config.ca_bundle)
    app.extensions["relying_party"] = RelyingParty(
        config=config,
        database=database,
        provider=provider,
        client=register(app, config, provider),
        sessions=LocalSessions(database),
        heard=HeardLogouts(database),
        journal=Journal(database, config.name),
        behaviour=Behaviour(),
    )
    for blueprint in (pages.bp, sign_in.bp, sign_out.bp, sign_out_everywhere.bp, backchannel.bp, api.bp):
        app.register_blueprint(blueprint)
    app.before_request(refuse_foreign_forms)
    app.after_request(add_headers)
    app.context_processor(lambda: {"rp": config, "short": short})
    register_errors(app)
    return app


def secret_key(database: Database) -> str:
    """The key of the flow cookie, made once and kept, so that a restart disturbs nobody's sign-in."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO secret VALUES ('flow_cookie', ?)", (secrets.token_urlsafe(32),)
        )
        row = connection.execute("SELECT value FROM secret WHERE name = 'flow_cookie'").fetchone()
    return str(row["value"])


def short(value: str | None) -> str:
    """An identifier as a person can compare it by eye."""
    if not value:
        return "–"
    return value if len(value) <= 16 else f"{value[:8]}…{value[-4:]}"


def refuse_foreign_forms() -> None:
    """A form of another site must not act here; SameSite does not help between ports of localhost."""
    if request.method != "POST" or request.endpoint == "backchannel.backchannel_logout":
        return
    origin = request.headers.get("Origin")
    if origin not in (None, origin_of(current_rp().config.base_url), origin_of(request.host_url)):
        abort(403)


def add_headers(response: Response) -> Response:
    """Nothing is cached or framed, and only what this app serves itself is run or shown."""
    issuer = origin_of(current_rp().config.issuer)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self';"
        f" form-action 'self' {issuer}; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: with that a browser sends "Origin: null" with our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def register_errors(app: Flask) -> None:
    """Choose here, and only here, how a failure looks."""

    @app.errorhandler(SignInRefused)
    def refused(exc: SignInRefused) -> Response:
        title, sentence = words_for(exc)
        current_rp().journal.record("rp_sign_in_refused", error=exc.code[:100])
        return message(title, sentence, status=400, detail=f"{exc.code}: {exc}")

    def unreachable(_: Exception) -> Response:
        sentence = "The sign-in service does not answer at the moment. Please try again in a little while."
        return message("The sign-in service is away", sentence, status=502)

    for error in UNREACHABLE:
        app.register_error_handler(error, unreachable)

    @app.errorhandler(HTTPException)
    def plain(exc: HTTPException) -> Response:
        if request.path.startswith("/api/"):
            return Response(f'{{"error": "{exc.name}"}}\n', exc.code, mimetype="application/json")
        return message(exc.name, exc.description or "", status=exc.code or 500)
