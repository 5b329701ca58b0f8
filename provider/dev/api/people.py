"""Test people: add one, list them, sign one out everywhere."""

from typing import Any

from flask import Response, jsonify
from werkzeug.exceptions import NotFound

from provider.accounts import queries
from provider.accounts.models import Account
from provider.administration.accounts import sign_out_everywhere
from provider.dev.api.body import created, member, read_body, refusing
from provider.dev.only_this_machine import API
from provider.dev.population import PASSWORD, add_person
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.steps import LogoutOutcome
from provider.web.route import Route, Speaks

_MOST = 1000


def list_people() -> Response:
    """List the people, without passwords."""
    return jsonify({"people": [_shown(one) for one in queries.list_accounts(limit=_MOST)]})


@refusing
def add() -> Response:
    """Add a person; omitted values are made up."""
    given = read_body({"username", "password", "claims"})
    username = member(given, "username", str, f"person-{new_id().hex[-12:]}")
    password = member(given, "password", str, PASSWORD)
    claims = member(given, "claims", dict, {"name": username.title()})
    with transaction():
        add_person(username, password, claims)
    account = queries.get_by_username(username)
    return created(_shown(account) | {"password": password})


def end(username: str) -> Response:
    """Sign a person out everywhere, and revoke all grants."""
    read_body(())
    get(username)
    with transaction():
        outcome = sign_out_everywhere(get(username))
    return jsonify(what_ended(outcome))


def get(username: str) -> Account:
    """Return a person. Raises NotFound, which is answered in JSON."""
    found = queries.find_by_username(username)
    if found is None:
        raise NotFound
    return found


def what_ended(*outcomes: LogoutOutcome | None) -> dict[str, Any]:
    """Return the counts of what ended, and how many apps will be notified."""
    ended = [outcome for outcome in outcomes if outcome is not None]
    return {
        "logout_ids": [str(outcome.logout.id) for outcome in ended],
        "sessions_ended": sum(outcome.logout.sessions_ended for outcome in ended),
        "client_sessions_ended": sum(outcome.logout.client_sessions_ended for outcome in ended),
        "grants_revoked": sum(outcome.logout.grants_revoked for outcome in ended),
        "notifications": sum(outcome.notifications for outcome in ended),
    }


def _shown(account: Account) -> dict[str, Any]:
    return {"username": account.username, "sub": account.sub, "claims": account.claims}


ROUTES = (
    Route(rule=f"{API}/people", name="people", view=list_people, speaks=Speaks.JSON),
    Route(rule=f"{API}/people", name="add_person", view=add, methods=("POST",), speaks=Speaks.JSON),
    Route(
        rule=f"{API}/people/<username>/end",
        name="end_person",
        view=end,
        methods=("POST",),
        speaks=Speaks.JSON,
    ),
)
