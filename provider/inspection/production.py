"""Problems of a running installation that its settings do not show."""

from collections.abc import Iterator

from sqlalchemy import Engine

from provider.clients.queries import list_clients
from provider.config.unwise import Unwise
from provider.delivery import workers
from provider.infrastructure import clock, database_clock, schema
from provider.infrastructure.database import reading
from provider.infrastructure.database_errors import AWAY
from provider.protocol.redirect_uri_rules import unwise_uris

_MOST_CLIENTS = 10_000


def unwise_installation(engine: Engine) -> Iterator[Unwise]:
    """Yield findings about the database: its schema, its clock, and whether a worker is active."""
    try:
        yield from _look(engine)
    except AWAY as exc:
        yield Unwise(
            subject="database_url",
            problem=f"the database does not answer: {getattr(exc, 'orig', exc)}",
            cure="start it, or correct CURFEW_DATABASE_URL",
        )


def _look(engine: Engine) -> Iterator[Unwise]:
    if not schema.is_current(engine):
        yield Unwise(
            subject="database",
            problem="the database is not up to date",
            cure="run `curfew db upgrade`",
        )
        return
    with reading():
        active = workers.count_living(clock.now())
        unwise_clients = list(_unwise_clients())
    yield from unwise_clients
    if not active:
        yield Unwise(
            subject="worker",
            problem="no worker is running; without one no app is notified of sign-outs",
            cure="run `curfew worker`, or `curfew serve --with-worker`",
        )
    offset = clock.offset()
    if database_clock.is_notable(offset):
        side = "behind" if offset.total_seconds() > 0 else "ahead of"
        yield Unwise(
            subject="clock",
            problem=f"this machine's clock is {abs(offset.total_seconds()):.1f} s {side} the database's",
            cure="synchronise both clocks, with NTP for example",
        )


def _unwise_clients() -> Iterator[Unwise]:
    for client in list_clients(limit=_MOST_CLIENTS):
        for uri, why in unwise_uris(client.metadata_).items():
            yield Unwise(
                subject=f"client {client.client_id}",
                problem=f"the redirect URI {uri} {why}",
                cure="use https in the network, and a reverse domain name for the scheme of an app",
            )
