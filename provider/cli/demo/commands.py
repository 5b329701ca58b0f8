"""The commands `curfew demo` and `curfew demo-check`."""

import sys
from pathlib import Path

import click
from rich.console import Console

DEFAULT_PORT = 8900
_WIDTH_OF_A_PIPE = 132


@click.command(
    epilog="""\b
Examples:
  curfew demo
  curfew demo --port 9100 --data-dir /tmp/another-demo
"""
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Folder of all data and logs; a second start continues with it.",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65000),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the provider; the apps and the broker have the next four.",
)
@click.option("--exit-when-ready", is_flag=True, help="Stop as soon as everything has started.")
def demo(data_dir: Path, port: int, *, exit_when_ready: bool) -> None:
    """Run a provider, a worker, a broker and three apps on this machine."""
    from provider.cli.demo.plan import DemoDataUnusable, DemoIsRunning
    from provider.cli.demo.running import DemoNotReady, run

    try:
        run(data_dir, port, Console(highlight=False), exit_when_ready=exit_when_ready)
    except (DemoIsRunning, DemoNotReady, DemoDataUnusable) as exc:
        raise click.ClickException(str(exc)) from exc


@click.command(
    name="demo-check",
    epilog="""\b
Examples:
  curfew demo-check
""",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65000),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the provider; other ports are taken where these are busy.",
)
def demo_check(port: int) -> None:
    """Play a sign-out at three apps through HTTP, say what happened, and exit 0 if all of it was right."""
    from provider.cli.demo.check import check

    # A pipe has no width of its own; lines that are not broken read better in a log.
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    sys.exit(0 if check(port, Console(highlight=False, width=width)) else 1)
