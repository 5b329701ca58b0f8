"""`curfew serve`: the provider on a production WSGI server."""

import errno
import multiprocessing
import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import click

from provider.cli.composition import composed
from provider.cli.context import (
    application,
    fail,
    one_line_errors,
    refuse_older_database,
    refuse_read_only_database,
    warn_of_published_key,
)
from provider.cli.plain_text import say
from provider.cli.worker_beside import worker_beside
from provider.infrastructure.stop_signal import StopSignal

if TYPE_CHECKING:
    from provider.config import Settings

DEFAULT_PORT = 8900
DEFAULT_THREADS = 16
# Per process. A connection costs a few kilobytes, and is closed if it sends nothing for half a minute.
MOST_CONNECTIONS = 4096
# A request waits for deliveries for at most two seconds and for the database a little longer; a request held
# open to wait for an event is answered at once.
SECONDS_TO_STOP = 10


@click.command(
    epilog="""\b
Examples:
  curfew serve
  curfew serve --host 0.0.0.0 --port 443 --tls-cert cert.pem --tls-key key.pem
  curfew serve --workers 4 --threads 16
  curfew serve --with-worker                web and worker in one, for a small installation
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on; by default that of the issuer."
)
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM chain.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM key.")
@click.option(
    "--tls-min",
    type=click.Choice(["1.2", "1.3"]),
    default="1.3",
    show_default=True,
    help="Oldest TLS version accepted. 1.2 is for clients that support nothing newer: its cipher suites "
    "cannot be chosen here and include ChaCha20, which BCP 195 does not list; a proxy can choose them.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 500),
    default=DEFAULT_THREADS,
    show_default=True,
    help="Concurrent requests per process.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of web processes."
)
@click.option(
    "--with-worker",
    is_flag=True,
    help="Run a worker beside the web processes: it is woken without a broker, and started again if it ends.",
)
def serve(
    *,
    host: str,
    port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_min: str,
    threads: int,
    workers: int,
    with_worker: bool,
) -> None:
    """Serve the provider until SIGTERM or Ctrl-C."""
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("--tls-cert and --tls-key must be given together")
    click.get_current_context().with_resource(counting_together(workers + with_worker))
    settings = prepare()
    if tls_cert and not settings.is_https:
        raise click.UsageError("with a certificate the issuer must be an https URL (CURFEW_ISSUER)")
    if threads > settings.database_pool_size:
        raise click.UsageError(
            f"--threads must not exceed CURFEW_DATABASE_POOL_SIZE ({settings.database_pool_size})"
        )
    port = port or default_port(settings.issuer, own_tls=tls_cert is not None)
    refuse_busy_port(host, port)
    say(f"Curfew serves {settings.issuer} on {'https' if tls_cert else 'http'}://{host}:{port}")
    with worker_beside() if with_worker else nullcontext() as writer:
        run_server(host, port, TLS(tls_cert, tls_key, tls_min), threads, workers, writer)


@contextmanager
def counting_together(processes: int) -> Iterator[None]:
    """Let several processes write their metrics to one folder, so that each of them serves the sum."""
    # The variable must be set before prometheus_client is first imported.
    variable = "PROMETHEUS_MULTIPROC_DIR"
    if processes == 1 or variable in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="curfew-metrics-") as folder:
        os.environ[variable] = folder
        try:
            yield
        finally:
            del os.environ[variable]


def prepare() -> "Settings":
    """Check settings and database, and make missing keys; a problem ends the command with one line."""
    with application(), one_line_errors():
        from provider.infrastructure import current

        warn_of_published_key()
        refuse_read_only_database()
        refuse_older_database()
        make_first_keys()
        return current.settings()


def make_first_keys() -> None:
    """Make the missing signing keys: all of them at the first start."""
    from provider.audit.record import record
    from provider.audit.tags import EventTag
    from provider.infrastructure.database import transaction
    from provider.keys.lifecycle import ensure_keys

    with transaction():
        for change in ensure_keys():
            record(EventTag(change.event), actor="system", kid=change.kid, alg=change.alg)


def refuse_busy_port(host: str, port: int) -> None:
    """Refuse a port in use: the server would share it, and requests would go to either program."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            taken = exc.errno == errno.EADDRINUSE
            fail(f"{host}:{port} is taken" if taken else f"{host}:{port} cannot be used: {exc.strerror}")


def default_port(issuer: str, *, own_tls: bool) -> int:
    """Return the port of the issuer, unless that is for a TLS proxy in front; otherwise the default."""
    url = urlsplit(issuer)
    return url.port if url.port and (own_tls or url.scheme == "http") else DEFAULT_PORT


class TLS(NamedTuple):
    """A certificate, its key and the lowest accepted TLS version; plain HTTP without a certificate."""

    cert: Path | None
    key: Path | None
    # The server's library has a fixed set of cipher suites for each version.
    least: str


def run_server(
    host: str,
    port: int,
    tls: TLS,
    threads: int,
    workers: int,
    writer: Connection | None,
) -> None:
    """Run granian in this process until it is asked to stop."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols

    server = Granian(
        "provider",
        address=host,
        port=port,
        # Not its WSGI interface, in which a thread waits for each request body: as many incomplete requests
        # as there are threads would block the server.
        interface=Interfaces.ASGINL,
        loop=Loops.uvloop,
        workers=workers,
        # By default all processes together accept 1,024 connections, idle ones included, and no more.
        backpressure=most_connections(),
        http=HTTPModes.auto if tls.cert else HTTPModes.http1,
        ssl_cert=tls.cert,
        ssl_key=tls.key,
        ssl_protocol_min=SSLProtocols.tls12 if tls.least == "1.2" else SSLProtocols.tls13,
        workers_kill_timeout=SECONDS_TO_STOP,
        respawn_failed_workers=True,
        log_enabled=False,
    )
    composed().import_web()
    stop_signal = StopSignal()
    # The server installs its own signal handlers before it calls these.
    server.on_startup(lambda: stop_signal.send_on(signal.SIGTERM, signal.SIGINT))
    load = partial(composed().load_application, threads, writer, stop_signal)
    server.serve(target_loader=load, wrap_loader=False)


def most_connections() -> int:
    """Raise the limit on open files if possible; return how many connections a process may keep open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # The other half is for all other files.
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)


def leave_with_parent() -> None:
    """Exit when the main process is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
