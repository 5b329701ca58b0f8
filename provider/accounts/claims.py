"""The standard claims about a person (core §5.1), each with its type and form."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from provider.accounts.models import Account

MAX_TEXT = 1000
ADDRESS_MEMBERS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
_DERIVED = frozenset({"sub", "updated_at"})
_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))?")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]+@[^@\s\"(),:;<>\[\\\]]+")
_WEB_PAGE = re.compile(r"https?://[^\s\"<>\\^`{|}]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]*(?:;ext=[0-9]+)?")


class InvalidClaims(ValueError):
    """Claims that cannot be stored, with one sentence for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def claims_of(account: Account) -> dict[str, Any]:
    """Return every standard claim that is known about a person, except `sub`, which depends on the client."""
    return {
        "preferred_username": account.username,
        **account.claims,
        # core §5.1: when anything was last updated, in seconds since the epoch.
        "updated_at": int(account.updated_at.timestamp()),
    }


def checked(claims: Mapping[str, object]) -> dict[str, Any]:
    """Return the claims if all can be stored. Raises InvalidClaims with every problem."""
    problems = [sentence for name, value in claims.items() for sentence in _problems(name, value)]
    if problems:
        raise InvalidClaims(problems)
    return dict(claims)


def _problems(name: str, value: object) -> list[str]:
    if name in _DERIVED:
        return [f"{name} is derived from the account and cannot be set"]
    if name not in RULES:
        return [f"{name} is not a standard claim"]
    fits, sentence = RULES[name]
    return [] if fits(value) else [f"{name} must be {sentence}"]


def _is_text(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_TEXT
        # A postal address has line breaks; no other control character belongs in a claim.
        and not any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\r\n" for c in value)
    )


def _in_form(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and _is_text(value) and bool(pattern.fullmatch(value))


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_address(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and value.keys() <= set(ADDRESS_MEMBERS)
        and all(map(_is_text, value.values()))
    )


_TEXT = (_is_text, "a text")
_PAGE = (_in_form(_WEB_PAGE), "an http or https URL")
_BOOLEAN = (_is_boolean, "true or false")
RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": _TEXT,
    "given_name": _TEXT,
    "family_name": _TEXT,
    "middle_name": _TEXT,
    "nickname": _TEXT,
    "preferred_username": _TEXT,
    "profile": _PAGE,
    "picture": _PAGE,
    "website": _PAGE,
    "email": (_in_form(_EMAIL), "an e-mail address"),
    "email_verified": _BOOLEAN,
    "gender": _TEXT,
    "birthdate": (_in_form(_DATE), "a date like 1815-12-10, or a year"),
    "zoneinfo": (_in_form(_ZONE), "a time zone like Europe/London"),
    "locale": (_in_form(_LOCALE), "a language tag like en-GB"),
    "phone_number": (_in_form(_PHONE), "a phone number like +44 20 7946 0000"),
    "phone_number_verified": _BOOLEAN,
    "address": (_is_address, f"an object with some of {', '.join(ADDRESS_MEMBERS)}"),
}
BOOLEAN_CLAIMS = frozenset(name for name, rule in RULES.items() if rule is _BOOLEAN)
