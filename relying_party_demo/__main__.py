"""The command: one coloured app, `python -m relying_party_demo --name red --port 8901 …`."""

import argparse
import os
import sys
from pathlib import Path

from relying_party_demo.config import (
    DEFAULT_SCOPE,
    SIGNING_ALGORITHMS,
    RelyingPartyConfig,
    WrongConfiguration,
)

EXAMPLE = """example:
  RP_CLIENT_SECRET=… python -m relying_party_demo --name red --port 8901 \\
      --issuer http://localhost:8900 --client-id red
"""


def arguments() -> argparse.ArgumentParser:
    """Declare the options, each with its meaning."""
    parser = argparse.ArgumentParser(
        prog="python -m relying_party_demo",
        description="A demo relying party: signs people in and listens to Logout Tokens.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--name", required=True, help="name of the app; red, green and blue have their colour")
    add("--port", required=True, type=int, help="port to listen on")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--base-url", help="where browsers and the provider find this app (default: http://localhost:PORT)")
    add("--issuer", required=True, help="issuer of the OpenID Provider, exactly as in its tokens")
    add("--client-id", required=True, help="client_id this app is registered with")
    add("--client-secret", default=os.environ.get("RP_CLIENT_SECRET", ""), help="or in RP_CLIENT_SECRET")
    add("--scope", default=DEFAULT_SCOPE, help="scope to ask for (default: %(default)s)")
    add(
        "--signing-alg",
        default="RS256",
        choices=SIGNING_ALGORITHMS,
        help="registered id_token_signed_response_alg",
    )
    add(
        "--data-dir",
        type=Path,
        default=Path(".demo/rp"),
        help="folder of the sessions (default: %(default)s)",
    )
    add("--logouts", default="", metavar="URL", help="store of logouts (default: a file in the data folder)")
    add("--ca-bundle", type=Path, help="certificates to trust when calling the provider")
    add(
        "--api",
        action="append",
        default=[],
        metavar="NAME=URL",
        help="an API that people can call from the page",
    )
    add("--expose-tokens", action="store_true", help="let people see their own tokens at /api/tokens")
    return parser


def config_from(given: argparse.Namespace) -> RelyingPartyConfig:
    """Return the configuration given by the options. Raises WrongConfiguration."""
    return RelyingPartyConfig(
        name=given.name,
        issuer=given.issuer,
        client_id=given.client_id,
        client_secret=given.client_secret,
        base_url=(given.base_url or f"http://localhost:{given.port}").rstrip("/"),
        data_dir=given.data_dir,
        scope=given.scope,
        id_token_signed_response_alg=given.signing_alg,
        logouts=given.logouts,
        expose_tokens=given.expose_tokens,
        apis=tuple((name, url) for name, _, url in (text.partition("=") for text in given.api)),
        ca_bundle=given.ca_bundle,
    )


def main() -> int:
    """Start the app; a wrong configuration leads to one line of output and exit code 2."""
    given = arguments().parse_args()
    try:
        config = config_from(given)
        from relying_party_demo.server import serve

        serve(config, given.host, given.port)
    except WrongConfiguration as exc:
        sys.stderr.write(f"relying_party_demo: {exc}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
