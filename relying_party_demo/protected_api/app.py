"""The service: its API calls, each behind the guard, and its page."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.flask_api import require
from curfew_rp.provider_keys import ProviderKeys
from curfew_rp.resource_server import Introspection, ProofOfPossession, ResourceServer, SignedTokens
from curfew_rp.resource_server.guard import Mode
from curfew_rp.stores import MemoryStore, store_from_url
from relying_party_demo import clock
from relying_party_demo.protected_api.acting import Acting, ExchangeRefused, TooManyWatches
from relying_party_demo.protected_api.call_record import CallRecord
from relying_party_demo.protected_api.config import ProtectedAPIConfig

BODY_SIZE_LIMIT = 16 * 1024
_UNGUARDED = {"page", "state", "static"}


def create_app(config: ProtectedAPIConfig) -> Flask:
    """Make one service."""
    app = Flask(__name__, static_folder="../static")
    app.config["MAX_CONTENT_LENGTH"] = BODY_SIZE_LIMIT
    guard = _guard(config)
    acting = Acting(config, ProviderKeys(config.issuer, ca_bundle=config.ca_bundle))
    record = CallRecord()
    app.extensions.update(acting=acting, guard=guard)
    _add_calls(app, config, guard)
    _add_watch(app, guard, acting, config)
    _add_page(app, config, guard, acting, record)
    app.after_request(_recording(record))
    return app


def _guard(config: ProtectedAPIConfig) -> ResourceServer:
    """Make the guard, which also checks the key of a token that is bound to one."""
    return ResourceServer(_mode(config), dpop=ProofOfPossession(MemoryStore()))


def _mode(config: ProtectedAPIConfig) -> Mode:
    """Make the mode by which the service learns whether a token is valid."""
    ca_bundle = str(config.ca_bundle) if config.ca_bundle else None
    keys = ProviderKeys(config.issuer, ca_bundle=ca_bundle)
    if config.is_signed:
        return SignedTokens(keys, audience=config.audience, store=store_from_url(config.logouts))
    return Introspection(
        keys,
        client_id=config.client_id,
        client_secret=config.client_secret,
        kept_for=config.kept_for,
        ca_bundle=ca_bundle,
    )


def _add_calls(app: Flask, config: ProtectedAPIConfig, guard: ResourceServer) -> None:
    @app.get("/balance")
    @require(guard, scopes={"balance"}, base_url=config.base_url)
    def balance() -> ResponseReturnValue:
        """Tell the balance."""
        return jsonify(of=g.access.sub, balance=1843)

    @app.get("/entries")
    @require(guard, scopes={"balance"}, base_url=config.base_url)
    def entries() -> ResponseReturnValue:
        """List the entries, for a service that acts for the person."""
        return jsonify(of=g.access.sub, asked_by=_actor(), entries=[1800, 43])

    @app.post("/transfer")
    @require(guard, scopes={"transfer"}, max_age=config.transfer_max_age, base_url=config.base_url)
    def transfer() -> ResponseReturnValue:
        """Transfer money, which requires a recent sign-in (rfc9470)."""
        return jsonify(of=g.access.sub, transferred=1)


def _add_watch(app: Flask, guard: ResourceServer, acting: Acting, config: ProtectedAPIConfig) -> None:
    @app.post("/watch")
    @require(guard, scopes={"balance"}, base_url=config.base_url)
    def watch() -> ResponseReturnValue:
        """Watch the person's entries at the other service, until the person has signed out."""
        if not config.calls:
            return jsonify(error="not_found", error_description="this service calls no other"), 404
        token = request.headers["Authorization"].partition(" ")[2].strip()
        try:
            acting.begin_watch(token, str(g.access.sub))
        except ExchangeRefused as exc:
            return jsonify(error="access_denied", error_description=str(exc)), HTTPStatus.FORBIDDEN
        except TooManyWatches as exc:
            body = {"error": "temporarily_unavailable", "error_description": str(exc)}
            return jsonify(body), HTTPStatus.TOO_MANY_REQUESTS
        except ProviderUnreachable as exc:
            return jsonify(error="temporarily_unavailable", error_description=str(exc)), 503
        return jsonify(watching=g.access.sub), HTTPStatus.ACCEPTED


def _add_page(
    app: Flask, config: ProtectedAPIConfig, guard: ResourceServer, acting: Acting, record: CallRecord
) -> None:
    @app.get("/")
    def page() -> str:
        """Show the calls to people: no token is needed, and none is shown."""
        return render_template(
            "protected_api.html",
            config=config,
            mode=guard.mode.description,
            last_heard_at=_last_heard_at(guard.mode),
            calls=record.list_newest(),
            watches=acting.list_watches(),
        )

    @app.get("/state")
    def state() -> Response:
        """Show the same to programs."""
        return jsonify(
            mode=guard.mode.description,
            last_heard_at=_last_heard_at(guard.mode),
            calls=[
                {"at": call.at.isoformat(), "path": call.path, "status": call.status, "reason": call.reason}
                | {"client_id": call.client_id, "actor": call.actor, "freshness": call.freshness}
                for call in record.list_newest()
            ],
            watches=[
                {"calls": watch.calls, "ended": watch.ended_at is not None, "reason": watch.reason}
                for watch in acting.list_watches()
            ],
        )


def _last_heard_at(mode: Mode) -> str | None:
    """Return when the app received its last logout, if the mode depends on it."""
    heard = mode.last_heard_at() if isinstance(mode, SignedTokens) else None
    return clock.from_timestamp(heard).isoformat() if heard else None


def _recording(record: CallRecord) -> Callable[[Response], Response]:
    def note(response: Response) -> Response:
        """Record a call to a guarded route, and set the headers of every response."""
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        if request.endpoint is None or request.endpoint in _UNGUARDED:
            return response
        access = g.get("access")
        record.add(
            method=request.method,
            path=request.path,
            status=response.status_code,
            sub=access.sub if access else None,
            client_id=access.client_id if access else None,
            actor=_actor() if access else None,
            freshness=response.headers.get("Token-Freshness", ""),
            reason="" if access else _reason(response),
        )
        return response

    return note


def _reason(response: Response) -> str:
    document = response.get_json(silent=True)
    return (
        str(document.get("error_description", ""))
        if isinstance(document, dict)
        else str(response.status_code)
    )


def _actor() -> str | None:
    """Return the service that acts for the person (rfc8693 §4.1)."""
    act = g.access.claims.get("act")
    return str(act.get("sub")) if isinstance(act, dict) else None
