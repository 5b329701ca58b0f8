"""Health checks for orchestrators: whether the process runs, and whether it can serve."""

from typing import Any

from flask import Response, jsonify

from provider.inspection import readiness
from provider.inspection.readiness import Verdict
from provider.web.route import Route, Speaks

_RETRY_AFTER_SECONDS = 5


def live() -> Response:
    """Answer that the process runs, without using the database, so that a slow one causes no restart."""
    return jsonify(status="ok")


def ready() -> Response:
    """Answer whether requests can be served, check by check."""
    found = readiness.verdicts()
    is_ready = all(verdict.ok for verdict in found.values())
    checks = {name: _as_json(verdict) for name, verdict in found.items()}
    if is_ready:
        return jsonify(status="ok", checks=checks)
    response = jsonify(
        status="unavailable",
        error="temporarily_unavailable",
        error_description="; ".join(verdict.detail for verdict in found.values() if not verdict.ok),
        checks=checks,
    )
    response.status_code = 503
    response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response


def started() -> Response:
    """Answer whether this process has been ready once; after that the database is not asked again."""
    if readiness.has_been_ready():
        return jsonify(status="ok")
    return ready()


def _as_json(verdict: Verdict) -> dict[str, Any]:
    detail = {"detail": verdict.detail} if verdict.detail else {}
    return {"status": "ok" if verdict.ok else "failed", **detail, **verdict.values}


# These have their own threads: a liveness check that queued behind requests to a slow database would fail,
# and the process would be restarted for nothing.
ROUTES = (
    Route(
        rule="/health/live",
        name="live",
        view=live,
        speaks=Speaks.JSON,
        answers_head=True,
        own_threads=1,
        constant_at=("/health/live",),
    ),
    Route(
        rule="/health/ready", name="ready", view=ready, speaks=Speaks.JSON, answers_head=True, own_threads=2
    ),
    Route(
        rule="/health/started",
        name="started",
        view=started,
        speaks=Speaks.JSON,
        answers_head=True,
        own_threads=1,
    ),
)
