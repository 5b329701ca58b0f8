"""For programs: the account API, with its description in OpenAPI. Here is the table of its URLs.

An app calls it in the name of the person who uses it, with that person's own token. It ends nothing
by itself: what a verb means is told in `provider.logout`, and pages for people use the same functions.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint

from provider.api import everywhere, grants, openapi, sessions

blueprint = Blueprint("api", __name__)

View = Callable[..., Any]
# Address, name, method, what answers.
URLS: tuple[tuple[str, str, str, View], ...] = (
    ("/account/sign-out-everywhere", "preview_everywhere", "GET", everywhere.preview_everywhere),
    ("/account/sign-out-everywhere", "sign_out_everywhere", "POST", everywhere.sign_out_everywhere),
    ("/account/sessions", "list_sessions", "GET", sessions.list_sessions),
    ("/account/sessions", "end_other_sessions", "DELETE", sessions.end_other_sessions),
    ("/account/sessions/<uuid:session_id>", "end_session", "DELETE", sessions.end_session),
    ("/account/grants", "list_grants", "GET", grants.list_grants),
    ("/account/grants/<uuid:grant_id>", "revoke_grant", "DELETE", grants.revoke_grant),
    ("/openapi.json", "openapi", "GET", openapi.openapi),
)

for _rule, _name, _method, _view in URLS:
    blueprint.add_url_rule(_rule, _name, _view, methods=[_method])
