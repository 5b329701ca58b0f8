"""The provider that the targets ask: on a database of its own, at an instant that does not move."""

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from flask import Flask
from joserfc.jwk import ECKey

from provider.app import create_app
from provider.config import Settings
from provider.infrastructure import clock, current, schema
from provider.infrastructure.database import db, transaction
from provider.keys.lifecycle import ensure_keys
from tests.conftest import FAST_SETTINGS
from tests.factories import make_account, make_client

# Tokens of the corpus are of this instant.
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
PUBLIC = KEY.as_dict(private=False)
STORE = "https://store.test"
_UNLIMITED = "100000000 per second"


@contextmanager
def provider() -> Iterator[Flask]:
    """Serve the targets, with the clock standing still."""
    folder = Path(tempfile.mkdtemp(prefix="curfew-fuzz-"))
    clock.use(lambda: NOW)
    try:
        app = _made(folder)
        with app.app_context(), warnings.catch_warnings():
            # Libraries warn of odd certificates and keys; whether they are taken is what counts.
            warnings.simplefilter("ignore")
            yield app
            current.services().outbound.close()
            db.session.remove()
            db.engine.dispose()
    finally:
        clock.use(None)
        shutil.rmtree(folder)


def _made(folder: Path) -> Flask:
    issuers = folder / "issuers.json"
    issuers.write_text(json.dumps({STORE: {"keys": [PUBLIC]}}))
    app = create_app(
        Settings(
            **FAST_SETTINGS,
            data_dir=folder,
            database_url=f"sqlite:///{folder / 'fuzz.sqlite3'}",
            log_level="ERROR",
            registration="open",
            registration_limit=_UNLIMITED,
            pushed_request_limit=_UNLIMITED,
            device_request_limit_address=_UNLIMITED,
            software_statement_issuers=issuers,
        )
    )
    with app.app_context():
        schema.upgrade(db.engine)
        with transaction():
            ensure_keys()
        keys = {"jwks": {"keys": [PUBLIC]}}
        make_account("ada")
        make_client("red", **keys)
        robot = {"grant_types": ["client_credentials"], "redirect_uris": None, "scope": "jobs"}
        make_client("green", **robot, **keys, token_endpoint_auth_method="private_key_jwt")
        db.session.remove()
    return app


@lru_cache(maxsize=1)
def metadata_of_red():
    """Return the metadata that red registered."""
    from provider.clients.queries import get_by_client_id

    return get_by_client_id("red").metadata_
