"""`curfew-rp gate`: serves the gate, checks its settings, and writes configurations of proxies."""

import argparse
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from curfew_rp.gate.settings import ENVIRONMENT, Settings, WrongSettings, read_settings

PROXIES = ("nginx", "traefik", "caddy", "envoy")
_NEEDED = ("authlib", "granian", "redis", "sqlalchemy")


class GateFailed(Exception):
    """The gate cannot do what was asked for."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    command.set_defaults(run=run)
    command.add_argument(
        "--config",
        type=Path,
        help=f"file with the settings, in TOML; variables such as {ENVIRONMENT}ISSUER win over it",
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    command.add_argument("--port", type=_at_most(65535), default=4180, help="port to listen on (4180)")
    command.add_argument("--workers", type=_at_most(64), default=1, help="number of processes (1)")
    command.add_argument(
        "--threads", type=_at_most(500), default=16, help="concurrent requests per process (16)"
    )
    instead = command.add_mutually_exclusive_group()
    instead.add_argument("--check-config", action="store_true", help="check the settings, and serve nothing")
    instead.add_argument(
        "--print", dest="proxy", choices=PROXIES, help="print the configuration of a proxy, and serve nothing"
    )
    command.add_argument(
        "--app",
        default="http://127.0.0.1:3000",
        help="with --print: address of the app that is protected (http://127.0.0.1:3000)",
    )


def _at_most(limit: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= limit:
            raise argparse.ArgumentTypeError(f"must be from 1 to {limit}")
        return value

    return number


def run(asked: argparse.Namespace) -> int:
    """Run the command with these arguments; return the exit code. Raises GateFailed."""
    settings = _settings(asked.config)
    if settings is None:
        return 2
    if asked.check_config:
        print(f"The settings are correct. {_to_register(settings)}")  # noqa: T201 – a command speaks to its terminal.
    elif asked.proxy:
        from curfew_rp.gate.proxies import configuration

        print(configuration(asked.proxy, settings, f"{asked.host}:{asked.port}", asked.app), end="")  # noqa: T201
    else:
        _serve(asked, settings)
    return 0


def _settings(path: Path | None) -> Settings | None:
    named = os.environ.get(f"{ENVIRONMENT}CONFIG")
    try:
        return read_settings(path or (Path(named) if named else None))
    except WrongSettings as exc:
        for problem in exc.problems:
            print(f"curfew-rp gate: {problem}", file=sys.stderr)  # noqa: T201
        return None


def _serve(asked: argparse.Namespace, settings: Settings) -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise GateFailed(f"{', '.join(missing)} is missing: install curfew-rp[gate]")
    from curfew_rp.gate.serve import CannotServe, prepare, serve

    try:
        prepare(settings, asked.host, asked.port)
    except CannotServe as exc:
        raise GateFailed(str(exc)) from exc
    where = f"http://{asked.host}:{asked.port}"
    print(f"The gate to {', '.join(settings.origins)} listens on {where}", flush=True)  # noqa: T201
    serve(settings, host=asked.host, port=asked.port, workers=asked.workers, threads=asked.threads)


def _to_register(settings: Settings) -> str:
    """Return what to register for the gate at the provider."""
    origins = settings.origins[:1] if settings.cookie_domain else settings.origins
    lines = ["Register at the provider:"]
    for origin in origins:
        lines.append(f"  redirect URI              {origin}{settings.prefix}/callback")
        lines.append(f"  post-logout redirect URI  {origin}{settings.prefix}/signed-out")
    lines.append(f"  back-channel logout URI   {origins[0]}{settings.prefix}/backchannel-logout")
    return "\n".join(lines)
