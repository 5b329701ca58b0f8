"""Changing an account: disabling, enabling or deleting it, its password and its role.

Each needs a recent sign-in.
"""

from uuid import UUID

from flask import current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.accounts.links import LIFETIMES, LinkPurpose
from provider.accounts.models import Account
from provider.accounts.queries import lock
from provider.accounts.roles import Role
from provider.administration import accounts as acts
from provider.administration import roles as role_acts
from provider.administration.permissions import permissions_of
from provider.administration.roles import LastAdministrator
from provider.console import gate
from provider.console.gate import Administrator
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.people import get
from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.infrastructure.owned_objects import owner_of
from provider.logout.preview import preview_everywhere
from provider.protocol.permissions import Permission
from provider.web.redirects import redirect_to
from provider.web.routes import table

_MEANINGS = {
    Role.VIEWER: "sees everything here, and changes nothing",
    Role.OPERATOR: "ends sessions, of one person or everybody, sends notifications again, and manages people",
    Role.ADMINISTRATOR: "does everything, with clients, keys and roles too",
}
_LAST_ADMINISTRATOR = "This is the last administrator. Give the role to another person first."


def show_access(account_id: UUID, sentence: str | None = None, status: int = 200) -> Response:
    """Show what disabling or enabling an account does."""
    return _page("console/access.html", account_id, sentence, status)


def submit_access(account_id: UUID) -> Response:
    """Disable an account, enable it again, or delete it."""
    if request.form.get("do") == "delete":
        return _delete(account_id, request.form.get("typed", "").strip())
    disable = request.form.get("do") == "disable"

    def change(who: Administrator) -> bool:
        account = _locked(who, account_id)
        try:
            (acts.disable if disable else acts.enable)(account)
        except acts.NothingToChange:
            return False
        return True

    try:
        changed = gate.act(Permission.CHANGE_PEOPLE, change, dangerous=True)
    except LastAdministrator:
        return show_access(account_id, _LAST_ADMINISTRATOR, 409)
    done = ("disabled" if disable else "enabled") if changed else "nothing"
    return redirect_to("console.person", account_id=account_id, done=done)


def _delete(account_id: UUID, typed: str) -> Response:
    with reading():
        username = get(account_id).username
    if typed != username:
        return show_access(account_id, "Nothing was changed: type the whole user name to confirm.", 400)
    try:
        gate.act(Permission.CHANGE_PEOPLE, lambda who: acts.delete(_locked(who, account_id)), dangerous=True)
    except LastAdministrator:
        return show_access(account_id, _LAST_ADMINISTRATOR, 409)
    return redirect_to("console.people", done="deleted")


def show_reset(account_id: UUID) -> Response:
    """Show what voiding a password does."""
    return _page("console/reset.html", account_id)


def submit_reset(account_id: UUID) -> Response:
    """Void the password, and show the link for setting another one, which is shown only once."""

    def reset(who: Administrator) -> str:
        return acts.begin_reset(_locked(who, account_id))[1]

    handle = gate.act(Permission.CHANGE_PEOPLE, reset, dangerous=True)
    rule = table(current_app).path_of("pages.new_password")
    link = current.settings().issuer + rule.replace("<handle:handle>", handle)
    return _page("console/reset.html", account_id, link=link)


def show_role(account_id: UUID, sentence: str | None = None, status: int = 200) -> Response:
    """Show a person's role, and the permissions of each role."""
    with reading():
        account = get(account_id)
        owner = owner_of("role", account_id) if account.role else None
    return console_page(
        "console/role.html",
        "console.people",
        status,
        account=account,
        owner=owner,
        roles=[(role, _MEANINGS[role], sorted(permissions_of(role))) for role in Role],
        sentence=sentence,
    )


def submit_role(account_id: UUID) -> Response:
    """Give a person another role, or take it away."""

    def change(who: Administrator) -> None:
        role_acts.set_role(_locked(who, account_id), role_acts.read_role(request.form.get("role", "")))

    try:
        gate.act(Permission.CHANGE_ROLES, change, dangerous=True)
    except LastAdministrator:
        return show_role(account_id, _LAST_ADMINISTRATOR, 409)
    except role_acts.InvalidRole as exc:
        return show_role(account_id, f"Not changed: {exc}.", 400)
    except role_acts.RoleUnchanged:
        return redirect_to("console.person", account_id=account_id, done="nothing")
    return redirect_to("console.person", account_id=account_id, done="role")


def _locked(who: Administrator, account_id: UUID) -> Account:
    """Lock and return a person. Raises NotPermitted if their role is above the administrator's own."""
    account = lock(account_id)
    if account is None or account.deleted_at is not None:
        raise NotFound
    who.rights.check_over(account)
    return account


def _page(
    template: str, account_id: UUID, sentence: str | None = None, status: int = 200, link: str | None = None
) -> Response:
    with reading():
        account = get(account_id)
        preview = preview_everywhere(account_id)
    return console_page(
        template,
        "console.people",
        status,
        account=account,
        preview=preview,
        sentence=sentence,
        link=link,
        link_lives=LIFETIMES[LinkPurpose.NEW_PASSWORD],
    )


_BELOW = "/people/<uuid:account_id>"
_CHANGES = Permission.CHANGE_PEOPLE
_POST = ("POST",)
ROUTES = (
    page_route(f"{_BELOW}/access", "access", show_access, needs=_CHANGES, dangerous=True),
    page_route(
        f"{_BELOW}/access", "access_submit", submit_access, needs=_CHANGES, dangerous=True, methods=_POST
    ),
    page_route(f"{_BELOW}/role", "role", show_role, needs=Permission.CHANGE_ROLES, dangerous=True),
    page_route(
        f"{_BELOW}/role",
        "role_submit",
        submit_role,
        needs=Permission.CHANGE_ROLES,
        dangerous=True,
        methods=_POST,
    ),
    page_route(f"{_BELOW}/password", "reset", show_reset, needs=_CHANGES, dangerous=True),
    page_route(
        f"{_BELOW}/password", "reset_submit", submit_reset, needs=_CHANGES, dangerous=True, methods=_POST
    ),
)
