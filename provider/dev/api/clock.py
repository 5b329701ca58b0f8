"""Advance the time."""

from datetime import timedelta

from flask import Response, jsonify

from provider.api.responses import instant
from provider.config.values import read_timedelta
from provider.dev import passing_time
from provider.dev.api.body import read_body
from provider.dev.only_this_machine import API
from provider.infrastructure import clock
from provider.protocol.errors import InvalidRequest
from provider.web.route import Route, Speaks


def forward() -> Response:
    """Make everything that is stored older, and end what expires as a result."""
    given = read_body({"forward"})
    span = read_span(given.get("forward"))
    passing_time.let_pass(span)
    return jsonify({"forward_seconds": int(span.total_seconds()), "now": instant(clock.now())})


def read_span(value: object) -> timedelta:
    """Read a number of seconds, or a text like 90s, 15m, 13h or 2d. Raises InvalidRequest."""
    try:
        span = timedelta(seconds=value) if type(value) is int else read_timedelta(str(value))
    except (ValueError, OverflowError) as exc:
        raise InvalidRequest("forward must be whole seconds, or a span like 90s, 15m, 13h or 2d") from exc
    if not timedelta(seconds=1) <= span <= passing_time.LONGEST:
        raise InvalidRequest(f"forward must be between 1s and {passing_time.LONGEST.days}d")
    return span


ROUTES = (Route(rule=f"{API}/clock", name="clock", view=forward, methods=("POST",), speaks=Speaks.JSON),)
