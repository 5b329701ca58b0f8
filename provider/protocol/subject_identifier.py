"""Subject Identifiers (rfc9493): how another party names a person to us."""

import re
from dataclasses import dataclass, field

from provider.protocol.errors import InvalidRequest

_LONGEST = 320
# No database can search for NUL or for an unpaired surrogate, which JSON can contain and UTF-8 cannot.
_UNSAYABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class IssuerAndSubject:
    """rfc9493 §3.2.3: the person's subject at an issuer."""

    iss: str
    sub: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Email:
    """rfc9493 §3.2.2: the person's e-mail address."""

    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opaque:
    """rfc9493 §3.2.4: an identifier that both sides know; here the account's own."""

    id: str = field(repr=False)


SubjectIdentifier = IssuerAndSubject | Email | Opaque
_MEMBERS: dict[str, tuple[type[SubjectIdentifier], tuple[str, ...]]] = {
    "iss_sub": (IssuerAndSubject, ("iss", "sub")),
    "email": (Email, ("email",)),
    "opaque": (Opaque, ("id",)),
}
FORMATS = tuple(_MEMBERS)


def read_subject_identifier(value: object) -> SubjectIdentifier:
    """Return a Subject Identifier. Raises InvalidRequest for one that is malformed or in another format."""
    if not isinstance(value, dict):
        raise InvalidRequest("sub_id must be a Subject Identifier (RFC 9493)")
    form = value.get("format")
    if not isinstance(form, str) or form not in _MEMBERS:
        raise InvalidRequest(f"the format of sub_id must be one of {', '.join(FORMATS)}")
    kind, names = _MEMBERS[form]
    # rfc9493 §3: it 'MUST NOT contain any members prohibited or not described' by its format.
    if set(value) != {"format", *names}:
        raise InvalidRequest(f"a sub_id of format {form} has the members {', '.join(names)} and no other")
    return kind(*(_text(value[name], name) for name in names))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or _UNSAYABLE.search(value):
        raise InvalidRequest(f"{name} must be a text of 1 to {_LONGEST} characters")
    return value
