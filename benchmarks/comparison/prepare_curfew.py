"""Sets up a database of Curfew with clients and people, read as JSON from standard input."""

import json
import sys

from provider.administration import accounts, clients
from provider.app import create_app
from provider.clients.options import ClientOptions
from provider.config import load_settings
from provider.infrastructure import schema
from provider.infrastructure.database import db, transaction
from provider.infrastructure.engine import Role
from provider.keys.lifecycle import ensure_keys
from provider.protocol.client_registration import read_registration


def prepare(setup: dict[str, object]) -> None:
    """Make the tables, the keys, the clients and the people."""
    with create_app(load_settings(), role=Role.COMMAND).app_context():
        schema.upgrade(db.engine)
        with transaction():
            ensure_keys()
            for one in setup["clients"]:
                client_id = one.pop("client_id")
                clients.register(
                    read_registration(one),
                    ClientOptions(first_party=True),
                    client_id=client_id,
                    client_secret=setup["secret"],
                )
            for name in setup["people"]:
                accounts.add(name, setup["password"], {"name": name, "email": f"{name}@example.test"})


if __name__ == "__main__":
    prepare(json.load(sys.stdin))
