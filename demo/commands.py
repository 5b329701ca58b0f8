"""The commands `curfew demo` and `curfew demo-check`."""

import sys
from pathlib import Path

import click
from rich.console import Console

DEFAULT_PORT = 8900
_WIDTH_OF_A_PIPE = 132
_ISSUER_PATH = click.option(
    "--issuer-path",
    default="",
    metavar="PATH",
    help="Reach the provider below a path, such as /auth, as behind a proxy that serves other applications.",
)


@click.command(
    epilog="""\b
Examples:
  curfew demo
  curfew demo --port 9100 --data-dir /tmp/another-demo
  curfew demo --issuer-path /auth
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
    help="Port of the provider; the apps, the broker and three APIs have the next seven.",
)
@_ISSUER_PATH
@click.option("--exit-when-ready", is_flag=True, help="Stop as soon as everything has started.")
def demo(data_dir: Path, port: int, issuer_path: str, *, exit_when_ready: bool) -> None:
    """Run a provider, a worker, a broker, three apps, three APIs and two phones on this machine."""
    from demo.plan import DemoDataUnusable, DemoIsRunning
    from demo.running import DemoNotReady, run
    from provider.config import WrongSettings

    console = Console(highlight=False)
    try:
        run(data_dir, port, console, issuer_path=issuer_path, exit_when_ready=exit_when_ready)
    except (DemoIsRunning, DemoNotReady, DemoDataUnusable, WrongSettings) as exc:
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
@_ISSUER_PATH
def demo_check(port: int, issuer_path: str) -> None:
    """Play sign-outs at apps, phones and APIs, report, and exit 0 if everything was correct."""
    from demo.check import check

    # A pipe has no width of its own, and unbroken lines are easier to read in a log.
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    is_right = check(port, Console(highlight=False, width=width), issuer_path=issuer_path)
    sys.exit(0 if is_right else 1)
