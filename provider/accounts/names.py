"""User names: which are allowed, and when two count as the same."""

import unicodedata
from collections.abc import Mapping

MAX_LENGTH = 255


class InvalidUsername(ValueError):
    """The name cannot be a user name; the message says why."""


def fold(username: str) -> str:
    """Return the form in which names are compared: case and width do not count (ABU-33).

    Text beyond the maximum length of a name is ignored, because the time for normalising grows with the
    square of the length.
    """
    username = username[:MAX_LENGTH]
    # Folding may undo the composition, so it is made again (Unicode §3.13, compatibility caseless match).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username.strip()).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())


def fold_email(claims: Mapping[str, object]) -> str | None:
    """Return the e-mail address among a person's claims, folded for searches, or None."""
    email = claims.get("email")
    return fold(email)[:MAX_LENGTH] if isinstance(email, str) else None


def tidy(username: str) -> str:
    """Return the name in the form in which it is stored. Raises InvalidUsername."""
    username = username.strip()
    if len(username) > MAX_LENGTH:
        raise InvalidUsername(f"a user name must not be longer than {MAX_LENGTH} characters")
    name = unicodedata.normalize("NFC", username)
    if not name or not fold(name):
        raise InvalidUsername("a user name must not be empty")
    # Folding can turn one character into as many as eighteen.
    if len(fold(name)) > MAX_LENGTH:
        raise InvalidUsername(f"a user name must not be longer than {MAX_LENGTH} characters")
    # Cc, Cf, Co, Cs: invisible characters cannot distinguish two people.
    if any(unicodedata.category(character).startswith("C") for character in name):
        raise InvalidUsername("a user name must not contain control or invisible characters")
    return name
