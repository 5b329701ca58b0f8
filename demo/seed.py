"""Prepare the demo's database: migrations, keys, people and apps.

A repetition changes only the apps' URLs, if their ports have changed.
"""

import logging
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from demo.people import PEOPLE, Person, app_metadata, phone_metadata, service_metadata
from demo.plan import APPS, ASKING, DemoDataUnusable, Plan
from provider.accounts import change as account_change
from provider.accounts import queries as accounts
from provider.accounts import register as account_register
from provider.accounts.models import Account
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.cli.composition import composed
from provider.cli.serve import make_first_keys
from provider.clients import change as client_change
from provider.clients import queries as clients
from provider.clients import register as client_register
from provider.clients.options import ClientOptions
from provider.config import load_settings
from provider.infrastructure import current, data_keys, event_log, schema
from provider.infrastructure.data_keys import WrongSecretKey
from provider.infrastructure.database import db, transaction
from provider.keys.sealing import UnreadableKey
from provider.protocol.client_registration import read_registration

FIRST_PARTY = ClientOptions(first_party=True)
EXCHANGES = ClientOptions(first_party=True, may_exchange_tokens_of=("phone",))


def prepare(plan: Plan) -> dict[str, str]:
    """Bring the database up to date; return the people's names by account id."""
    app = composed().create_app(load_settings(plan.provider_environment()))
    _log_to(plan.data_dir / "logs" / "demo.log")
    with app.app_context():
        is_new = schema.current_revision(db.engine) is None
        bring_up_to_date(db.engine, plan.data_dir)
        if is_new:
            with transaction():
                data_keys.establish(current.data_keys())
        _make_keys(plan.data_dir)
        with transaction():
            people = {str(_account(person).id): person.claims["given_name"] for person in PEOPLE}
        with transaction():
            for name in APPS:
                _register(name, app_metadata(plan, name), plan.client_secrets[name])
            _register("phone", phone_metadata(), None)
            for name in ASKING:
                _register(name, service_metadata(name), plan.client_secrets[name], EXCHANGES)
        # From here on, the provider and the worker use the database.
        db.session.remove()
        db.engine.dispose()
    return people


def _make_keys(data_dir: Path) -> None:
    try:
        make_first_keys()
    except (UnreadableKey, WrongSecretKey) as exc:
        raise DemoDataUnusable(
            f"the data folder {data_dir} cannot be continued with (secret.key is not that of its database): "
            "delete it, or choose another with --data-dir"
        ) from exc


def bring_up_to_date(engine: Engine, data_dir: Path) -> None:
    """Run the missing migrations. Raises DemoDataUnusable if the data comes from another version."""
    try:
        schema.upgrade(engine)
        schema.check_complete(engine)
    # A migration that finds unexpected tables fails in the database.
    except (schema.StrangeSchema, DatabaseError) as exc:
        what = str(exc.orig) if isinstance(exc, DatabaseError) else str(exc)
        raise DemoDataUnusable(
            f"the data folder {data_dir} cannot be continued with ({what}): "
            "delete it, or choose another with --data-dir"
        ) from exc


def _account(person: Person) -> Account:
    known = accounts.find_by_username(person.username)
    if known is not None:
        return known
    account = account_register.add(person.username, person.password, person.claims)
    record(EventTag.ACCOUNT_ADDED, actor="system", account_id=account.id)
    if person.role is not None:
        account_change.set_role(account, person.role)
    return account


def _register(
    name: str, registered: dict[str, Any], secret: str | None, options: ClientOptions = FIRST_PARTY
) -> None:
    metadata = read_registration(registered)
    known = clients.find_by_client_id(name)
    if known is None:
        client_register.add(metadata, client_id=name, client_secret=secret, options=options)
        record(EventTag.CLIENT_ADDED, actor="system", client_id=name)
    elif known.metadata_ != metadata:
        client_change.update(known, metadata)
        record(EventTag.CLIENT_UPDATED, actor="system", client_id=name)


def _log_to(path: Path) -> None:
    """Keep this process's own log off the terminal, which belongs to the readable lines."""
    handler = logging.FileHandler(path)
    handler.setFormatter(event_log.JSONLines())
    logging.getLogger().handlers[:] = [handler]
