"""The command: one service, `python -m relying_party_demo.protected_api --name bank --port 8904 …`."""

import argparse
import os
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from flask import Flask

from relying_party_demo.config import WrongConfiguration as WrongServer
from relying_party_demo.protected_api.config import ProtectedAPIConfig, WrongConfiguration
from relying_party_demo.server import leave_with_parent_later, serve_application


def arguments() -> argparse.ArgumentParser:
    """Declare the options, each with its meaning."""
    parser = argparse.ArgumentParser(
        prog="python -m relying_party_demo.protected_api",
        description="A protected API: shows which calls were let in, and how fresh its knowledge was.",
    )
    add = parser.add_argument
    add("--name", required=True, help="name of the service, such as bank")
    add("--port", required=True, type=int, help="port to listen on")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--base-url", help="where apps find this service (default: http://localhost:PORT)")
    add("--issuer", required=True, help="issuer of the OpenID Provider")
    add("--client-id", default="", help="client_id with which it asks the provider about tokens")
    add("--client-secret", default=os.environ.get("API_CLIENT_SECRET", ""), help="or in API_CLIENT_SECRET")
    add("--kept-for", type=float, default=0.0, metavar="SECONDS", help="how long a response is believed")
    add("--audience", default="", help="verify signed tokens for this audience, instead of asking")
    add("--logouts", default="", metavar="URL", help="the store of the app that receives their logouts")
    add("--calls", default="", metavar="URL", help="the service that this one calls for people")
    add("--ca-bundle", type=Path, help="certificates to trust when calling the provider")
    return parser


def config_from(given: argparse.Namespace) -> ProtectedAPIConfig:
    """Return the configuration given by the options. Raises WrongConfiguration."""
    return ProtectedAPIConfig(
        name=given.name,
        issuer=given.issuer,
        client_id=given.client_id,
        client_secret=given.client_secret,
        base_url=(given.base_url or f"http://localhost:{given.port}").rstrip("/"),
        kept_for=timedelta(seconds=given.kept_for),
        audience=given.audience,
        logouts=given.logouts,
        calls=given.calls,
        ca_bundle=given.ca_bundle,
    )


def main() -> int:
    """Start the service; a wrong configuration leads to one line of output and exit code 2."""
    given = arguments().parse_args()
    try:
        config = config_from(given)
        serve_application(f"protected_api ({config.name})", partial(load, config), given.host, given.port)
    except (WrongConfiguration, WrongServer) as exc:
        sys.stderr.write(f"relying_party_demo.protected_api: {exc}\n")
        return 2
    return 0


def load(config: ProtectedAPIConfig) -> Flask:
    """Make the service inside the worker process."""
    from relying_party_demo.protected_api.app import create_app

    leave_with_parent_later()
    return create_app(config)


if __name__ == "__main__":
    sys.exit(main())
