"""`curfew worker`: deliveries, the sweep and the periodic duties."""

import os
import sys

import click

from provider.cli.composition import composed
from provider.cli.context import application


@click.command(
    epilog="""\b
Examples:
  curfew worker
  curfew worker --concurrency 64
  CURFEW_BROKER_URL=redis://localhost:6379/0 curfew worker
"""
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 512),
    help="Deliveries in flight at once; CURFEW_DELIVERY_CONCURRENCY otherwise.",
)
def worker(concurrency: int | None) -> None:
    """Tell relying parties of endings until SIGTERM or Ctrl-C.

    With a broker it is woken by each ending; without one, and whenever the broker is away, it finds
    what is due by sweeping. Run as many as you like.
    """
    if concurrency is not None:
        # The option is the setting, for this process.
        os.environ["CURFEW_DELIVERY_CONCURRENCY"] = str(concurrency)
    with application():
        # Wrong settings or an old schema are one line and an exit code, as with every command.
        pass
    sys.exit(composed().run_worker())
