"""The page about the admin API, from its description."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from docs.reference_pages.api import Described, members, parts_of_operation
from docs.reference_pages.markdown import code, table
from docs.reference_pages.markdown import page as markdown_page
from provider.admin_api import OPERATIONS
from provider.admin_api.description import document
from provider.admin_api.operation import ROOT
from provider.administration.permissions import DANGEROUS, LEAST_ROLE
from provider.app import create_app
from provider.config import Settings

_ABOUT = f"""\
`{ROOT}/openapi.json` is the description for tools; [The admin API](../operate/admin-api.md) explains how to
use it. Paths are relative to the issuer."""


def page() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(issuer="https://id.example", data_dir=Path(folder)))
        with app.app_context():
            described = document(OPERATIONS, "/token", "/authorize")
    return markdown_page("Admin API", *_parts(described))


def _parts(described: Described) -> Iterator[str]:
    yield _ABOUT
    yield "## Permissions"
    yield "A person needs the role, and the token the scope; a service has only scopes."
    rows = [(code(one), least, "yes" if one in DANGEROUS else "") for one, least in LEAST_ROLE.items()]
    yield table(("Scope", "Least role", "Needs a recent sign-in"), rows)
    yield "## Operations"
    responses = described["components"]["responses"]
    fresh = {one.name for one in OPERATIONS if one.fresh}
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            scopes = [{scope: [] for scope in way["token"]} for way in one["security"]]
            yield from parts_of_operation(
                f"{method.upper()} {ROOT}{path}", one | {"security": scopes}, responses
            )
            if one["operationId"] in fresh:
                yield "A person must have signed in recently (`CURFEW_ADMIN_SIGN_IN_AGE`)."
    yield "## Schemas"
    for name, shape in described["components"]["schemas"].items():
        yield f"### {name}"
        yield shape.get("description", "")
        yield members(shape)
