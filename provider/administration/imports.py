"""The act of importing people from another provider."""

from collections.abc import Sequence

from provider.accounts import take_over
from provider.accounts.take_over import NewPerson
from provider.audit.record import entry, record_many
from provider.audit.tags import EventTag


def take_people(people: Sequence[NewPerson]) -> None:
    """Add people with the `sub` and the password hash that they had there. Raises TakenMeanwhile."""
    identifiers = take_over.add_many(people)
    record_many(
        [
            entry(EventTag.ACCOUNT_ADDED, actor="admin", account_id=account_id, claims=sorted(person.claims))
            for account_id, person in zip(identifiers, people, strict=True)
        ]
    )
