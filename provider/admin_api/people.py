"""People: search, add, change, disable, reset, role, delete."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from provider.accounts import queries
from provider.accounts.claims import claims_of
from provider.accounts.links import LIFETIMES, LinkPurpose
from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.admin_api import inputs
from provider.admin_api.inputs import Input, Name, Page
from provider.admin_api.logout_outcomes import Ended, ended_of
from provider.admin_api.operation import Call, Operation, Response, check_version, versioned
from provider.admin_api.owners import ManagedBy
from provider.administration import accounts, roles
from provider.infrastructure import clock, current, owned_objects
from provider.protocol.permissions import Permission
from provider.web.routes import table

Claims = Annotated[dict[str, Any], Meta(description="Standard claims of OpenID Connect Core 5.1.")]


class ListPeople(Page, frozen=True, kw_only=True):
    """A filter of people."""

    q: Annotated[str, Meta(min_length=1, max_length=255, description="How the user name begins.")] | None = (
        None
    )
    username: Name | None = None
    sub: Annotated[str, Meta(max_length=255)] | None = None
    email: Annotated[str, Meta(max_length=1000, description="The e-mail address, in any case.")] | None = None
    role: Role | None = None
    enabled: bool | None = None


class NewPerson(Input, frozen=True, kw_only=True):
    """A person to add; they can sign in once they have set a password by the link of a reset."""

    username: Name
    claims: Claims = msgspec.field(default_factory=dict)


class PersonPatch(Input, frozen=True, kw_only=True):
    """A merge patch of a person; disabling signs them out everywhere."""

    username: Name | UnsetType = UNSET
    claims: Claims | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class NewRole(Input, frozen=True, kw_only=True):
    """A role, or none."""

    role: Role | None


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    id: UUID
    sub: str
    username: str
    enabled: bool
    role: Role | None
    role_managed_by: ManagedBy
    has_password: bool
    password_changed_at: datetime | None
    claims: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of people."""

    items: list[PersonView]
    next: UUID | None


class BegunReset(msgspec.Struct, frozen=True, kw_only=True):
    """A link for setting a new password, for one use; it is shown only once."""

    link: str
    expires_at: datetime
    ended: Ended


def view_of(account: Account) -> PersonView:
    """Return a person in the response form."""
    return views_of([account])[0]


def views_of(people: Sequence[Account]) -> list[PersonView]:
    """Return people in the response form; one statement reads the owners of their roles."""
    owners = owned_objects.owners_of("role", [one.id for one in people if one.role])
    return [_view(one, owners.get(one.id)) for one in people]


def _view(account: Account, owner: str | None) -> PersonView:
    return PersonView(
        id=account.id,
        sub=account.sub,
        username=account.username,
        enabled=account.disabled_at is None,
        role=Role(account.role) if account.role else None,
        role_managed_by=owner,
        has_password=account.password_hash is not None,
        password_changed_at=account.password_changed_at,
        claims=claims_of(account),
        created_at=account.created_at,
        updated_at=account.updated_at,
    )


def list_people(call: Call) -> Response:
    """Answer with a page of people."""
    asked: ListPeople = call.query
    wanted = queries.Filter(
        prefix=asked.q,
        username=asked.username,
        sub=asked.sub,
        email=asked.email,
        role=asked.role,
        enabled=asked.enabled,
    )

    def look() -> PersonPage:
        found = queries.search(wanted, after=asked.after, limit=asked.limit + 1)
        shown = found[: asked.limit]
        more = shown[-1].id if len(found) > asked.limit else None
        return PersonPage(items=views_of(shown), next=more)

    return Response(body=call.read(look))


def show_person(call: Call, person_id: UUID) -> Response:
    """Answer with one person and their version."""
    return versioned(call.read(lambda: view_of(queries.get(person_id))))


def create_person(call: Call) -> Response:
    """Add a person without a password."""
    asked: NewPerson = call.body
    return call.transact(lambda: versioned(view_of(accounts.add(asked.username, None, asked.claims)), 201))


def patch_person(call: Call, person_id: UUID) -> Response:
    """Change a person, if they have not changed since the sender read them."""
    asked: PersonPatch = call.body

    def act() -> Response:
        account = _locked(call, person_id)
        check_version(view_of(account))
        if asked.username is not UNSET and asked.username != account.username:
            accounts.rename(account, asked.username)
        if "claims" in call.document:
            claims = inputs.merged(account.claims, call.document["claims"] or {})
            if claims != account.claims:
                accounts.set_claims(account, claims)
        if asked.enabled is not UNSET and asked.enabled != (account.disabled_at is None):
            (accounts.enable if asked.enabled else accounts.disable)(account)
        return versioned(view_of(account))

    return call.transact(act)


def remove_person(call: Call, person_id: UUID) -> Response:
    """Sign a person out everywhere and delete their data."""

    def act() -> Response:
        account = _locked(call, person_id)
        check_version(view_of(account))
        return Response(body=ended_of(accounts.delete(account)))

    return call.transact(act)


def reset_person(call: Call, person_id: UUID) -> Response:
    """Remove a person's password, sign them out everywhere, and answer with a link for setting a new one."""

    def act() -> Response:
        outcome, handle = accounts.begin_reset(_locked(call, person_id))
        link = current.settings().issuer + table().path_with("pages.new_password", handle)
        until = clock.now() + LIFETIMES[LinkPurpose.NEW_PASSWORD]
        return Response(body=BegunReset(link=link, expires_at=until, ended=ended_of(outcome)))

    return call.transact(act)


def set_role(call: Call, person_id: UUID) -> Response:
    """Give a person a role, or take it away."""
    asked: NewRole = call.body

    def act() -> Response:
        account = _locked(call, person_id)
        check_version(view_of(account))
        roles.set_role(account, asked.role)
        return versioned(view_of(account))

    return call.transact(act)


def _locked(call: Call, person_id: UUID) -> Account:
    """Lock a person on whom the caller may act. Raises UnknownAccount or NotPermitted."""
    account = queries.lock(person_id)
    if account is None or account.deleted_at is not None:
        raise queries.UnknownAccount(f"there is no account {person_id}")
    call.caller.rights.check_over(account)
    return account


_ONE, _WRITE = "/people/<uuid:person_id>", Permission.CHANGE_PEOPLE
OPERATIONS = (
    Operation(
        method="GET",
        rule="/people",
        name="list_people",
        summary="List people, oldest first.",
        permission=Permission.READ,
        view=list_people,
        query=ListPeople,
        response=PersonPage,
    ),
    Operation(
        method="POST",
        rule="/people",
        name="create_person",
        summary="Add a person without a password; a password reset gives a link to set one.",
        permission=_WRITE,
        view=create_person,
        body=NewPerson,
        response=PersonView,
        status=201,
    ),
    Operation(
        method="GET",
        rule=_ONE,
        name="show_person",
        summary="Show a person.",
        permission=Permission.READ,
        view=show_person,
        response=PersonView,
        shows_version=True,
    ),
    Operation(
        method="PATCH",
        rule=_ONE,
        name="patch_person",
        summary="Change a person; disabling signs them out everywhere.",
        permission=_WRITE,
        view=patch_person,
        body=PersonPatch,
        response=PersonView,
        versioned=True,
    ),
    Operation(
        method="DELETE",
        rule=_ONE,
        name="remove_person",
        summary="Sign a person out everywhere and delete their data.",
        permission=_WRITE,
        view=remove_person,
        response=Ended,
        versioned=True,
        fresh=True,
    ),
    Operation(
        method="POST",
        rule=f"{_ONE}/reset",
        name="reset_person",
        summary="Invalidate a password, sign the person out everywhere, and create a link to set a new one.",
        permission=_WRITE,
        view=reset_person,
        response=BegunReset,
        fresh=True,
    ),
    Operation(
        method="PUT",
        rule=f"{_ONE}/role",
        name="set_role",
        summary="Give a person a role, or take it away.",
        permission=Permission.CHANGE_ROLES,
        view=set_role,
        body=NewRole,
        response=PersonView,
        versioned=True,
        fresh=True,
    ),
)
