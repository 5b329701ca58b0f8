"""Find the person whom an upstream wants signed out (Global Token Revocation §3.2)."""

from uuid import UUID

from sqlalchemy import Select, func, select

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.protocol.subject_identifier import (
    Email,
    IssuerAndSubject,
    Opaque,
    SubjectIdentifier,
)


class AmbiguousSubject(Exception):
    """The identifier matches several people, and none of them is signed out on a guess."""


def find_account(subject: SubjectIdentifier, client: Client) -> Account | None:
    """Find the one person that a Subject Identifier names to this client. Raises AmbiguousSubject."""
    wanted = _accounts(subject, client)
    if wanted is None:
        return None
    found = db.session.scalars(wanted.where(Account.deleted_at.is_(None)).limit(2)).all()
    if len(found) > 1:
        raise AmbiguousSubject
    return found[0] if found else None


def _accounts(subject: SubjectIdentifier, client: Client) -> Select[Account] | None:
    match subject:
        case IssuerAndSubject(iss=iss, sub=sub):
            return _by_sub(sub, client) if iss == current.settings().issuer else None
        case Email(email=email):
            # The operator enters the addresses, so an unverified one counts; they need not be unique.
            known = func.lower(Account.claims["email"].as_string())
            return select(Account).where(known == email.lower())
        case Opaque(id=identifier):
            # Text that is not an identifier matches no account.
            return select(Account).where(Account.id == _as_id(identifier))


def _by_sub(sub: str, client: Client) -> Select[Account]:
    """Select the person by the type of `sub` that this client gets, and by no other (core §8.1)."""
    if client.metadata_.subject_type != "pairwise":
        return select(Account).where(Account.sub == sub)
    # A pairwise sub cannot be turned back into a person, but the grants made under it name the account.
    known = select(Grant.account_id).where(Grant.client_id == client.id, Grant.sub == sub)
    return select(Account).where(Account.id.in_(known))


def _as_id(identifier: str) -> UUID | None:
    try:
        return UUID(identifier)
    except ValueError:
        return None
