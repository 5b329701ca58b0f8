"""Take over people: the `sub` that apps know, the password hash, and the standard claims."""

from collections.abc import Sequence
from typing import Any

from provider.accounts import claims as standard
from provider.accounts import take_over
from provider.accounts.claims import InvalidClaims
from provider.accounts.foreign_hashes import UnusableHash, checked
from provider.accounts.names import InvalidUsername, fold, tidy
from provider.accounts.take_over import NewPerson
from provider.administration import imports as acts
from provider.imports.foreign import ForeignPerson
from provider.imports.report import Report

BATCH = 500
_LONGEST_SUB = 64
_KIND = "person"


class Taker:
    """Takes over people in batches, each person once even if the files contain them twice."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._subs: set[str] = set()
        self._names: set[str] = set()

    def prepare(self, people: Sequence[ForeignPerson]) -> list[NewPerson]:
        """Return the people of a batch that can be taken over, and report the others."""
        read = [one for person in people if (one := self._read(person)) is not None]
        subs = self._subs | take_over.known_subs([one.sub for one in read if one.sub])
        names = self._names | take_over.known_names([fold(one.username) for one in read])
        found = []
        for one in read:
            if one.sub in subs or (one.sub is None and fold(one.username) in names):
                self._report.count(_KIND, "already here")
            elif fold(one.username) in names:
                self._report.count(_KIND, "not taken")
                self._report.note_loss(one.username, "the person: another one has this user name")
            else:
                found.append(one)
                subs |= {one.sub} if one.sub else set()
                names.add(fold(one.username))
        return found

    def take(self, people: Sequence[NewPerson]) -> None:
        """Add a prepared batch in the open transaction."""
        acts.take_people(people)

    def note_taken(self, people: Sequence[NewPerson]) -> None:
        """Count a batch after its commit."""
        for one in people:
            self._report.count(_KIND, "taken")
            self._subs |= {one.sub} if one.sub else set()
            self._names.add(fold(one.username))

    def _read(self, person: ForeignPerson) -> NewPerson | None:
        try:
            username = tidy(person.username)
        except InvalidUsername as exc:
            self._refuse(person, f"the person: {exc}")
            return None
        sub = person.sub
        if sub is not None and not (sub.isascii() and sub.isprintable() and 0 < len(sub) <= _LONGEST_SUB):
            self._refuse(person, f"the person: their id cannot be a sub of 1 to {_LONGEST_SUB} characters")
            return None
        return NewPerson(
            username=username,
            sub=sub,
            claims=self._claims(username, person),
            password_hash=self._hash(username, person),
            enabled=person.enabled,
            created_at=person.created_at,
        )

    def _refuse(self, person: ForeignPerson, sentence: str) -> None:
        self._report.count(_KIND, "not taken")
        self._report.note_loss(person.username[:100], sentence)

    def _claims(self, username: str, person: ForeignPerson) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in person.claims.items():
            try:
                kept |= standard.checked({name: value})
            except InvalidClaims as exc:
                self._report.note_loss(username, f"a claim: {exc}")
        return kept

    def _hash(self, username: str, person: ForeignPerson) -> str | None:
        if person.password_hash is None:
            return None
        try:
            return checked(person.password_hash)
        except UnusableHash as exc:
            self._report.note_loss(username, f"the password, which has to be reset: {exc}")
            return None
