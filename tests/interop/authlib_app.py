"""A Flask app that signs people in by Authlib's client, as its documentation shows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Flask, Response, jsonify, redirect, session, url_for
from werkzeug.serving import make_server


def authlib_app(issuer: str, registered: dict[str, str]) -> Flask:
    app = Flask(__name__)
    app.secret_key = "a secret of the app's own"
    app.config["SESSION_COOKIE_NAME"] = "authlib_app"
    provider = OAuth(app).register(
        "curfew",
        client_id=registered["client_id"],
        client_secret=registered["client_secret"],
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email offline_access",
            "code_challenge_method": "S256",
            "trust_env": False,
        },
        update_token=_keep,
    )
    _add_sign_in(app, provider)
    _add_use(app, provider)
    _add_sign_out(app, provider)
    return app


def _keep(token: dict[str, Any], **_: object) -> None:
    session["token"] = {name: token[name] for name in ("access_token", "refresh_token", "id_token")}


def _add_sign_in(app: Flask, provider: FlaskOAuth2App) -> None:
    @app.get("/login")
    def login() -> Response:
        return provider.authorize_redirect(url_for("callback", _external=True), prompt="consent")

    @app.get("/callback")
    def callback() -> Response:
        # Authlib checks state, issuer, signature, audience, times and nonce here.
        _keep(provider.authorize_access_token())
        return redirect("/me")


def _add_use(app: Flask, provider: FlaskOAuth2App) -> None:
    @app.get("/me")
    def me() -> Response:
        return jsonify(provider.userinfo(token=session["token"] | {"token_type": "Bearer"}))

    @app.get("/token")
    def token() -> Response:
        return jsonify(session["token"])

    @app.get("/me-later")
    def me_later() -> Response:
        # Authlib refreshes by itself a token that has expired, and tells `_keep`.
        expired = session["token"] | {"token_type": "Bearer", "expires_at": 1}
        return jsonify(provider.userinfo(token=expired))


def _add_sign_out(app: Flask, provider: FlaskOAuth2App) -> None:
    @app.get("/logout")
    def logout() -> Response:
        hint = session.pop("token")["id_token"]
        return provider.logout_redirect(url_for("signed_out", _external=True), id_token_hint=hint)

    @app.get("/signed-out")
    def signed_out() -> str:
        provider.validate_logout_response()
        return "<h1>Signed out</h1>"


@contextmanager
def served(app: Flask, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
