"""`curfew worker`: deliveries, the sweep and the periodic duties."""

import os
import sys

import click

from provider.cli.composition import composed
from provider.cli.context import (
    application,
    one_line_errors,
    refuse_older_database,
    refuse_read_only_database,
    warn_of_published_key,
)
from provider.cli.serve import refuse_busy_port


@click.command(
    epilog="""\b
Examples:
  curfew worker
  curfew worker --concurrency 64
  curfew worker --metrics-port 9108
  CURFEW_BROKER_URL=redis://localhost:6379/0 curfew worker
"""
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 512),
    help="Deliveries in flight at once; CURFEW_DELIVERY_CONCURRENCY otherwise.",
)
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Serve metrics at http://HOST:PORT/metrics."
)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Address for the metrics.")
# Passed by `curfew serve --with-worker`: the descriptor of the pipe to which its web processes write.
@click.option("--woken-by", type=int, hidden=True)
def worker(
    concurrency: int | None, metrics_port: int | None, metrics_host: str, woken_by: int | None
) -> None:
    """Notify relying parties of logouts until SIGTERM or Ctrl-C.

    With a broker, each logout wakes it; without one, or while the broker is unavailable, it finds due
    deliveries by sweeping. Run any number of workers; `curfew serve --with-worker` starts one itself.
    """
    if concurrency is not None:
        # The option overrides the setting in this process.
        os.environ["CURFEW_DELIVERY_CONCURRENCY"] = str(concurrency)
    if metrics_port:
        refuse_busy_port(metrics_host, metrics_port)
    with application(), one_line_errors():
        # As with every command, wrong settings or an old schema give one line and an exit code.
        warn_of_published_key()
        refuse_read_only_database()
        refuse_older_database()
    sys.exit(composed().run_worker((metrics_host, metrics_port) if metrics_port else None, woken_by))
