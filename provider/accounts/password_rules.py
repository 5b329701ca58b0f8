"""The rules for new passwords: long enough and not easy to guess; no rule about kinds of characters."""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from provider.accounts import common_passwords
from provider.accounts.common_passwords import folded
from provider.accounts.passwords import MAX_BYTES, is_too_long
from provider.infrastructure import current

# How many characters must remain without the words that every attacker would try here (SEC-602).
_LEAST_OWN_CHARACTERS = 5
_LEAST_WORD = 3
# Shorter names occur in many words: a password may contain one, but not consist mostly of it.
_LEAST_NAME = 5
_LONGEST_REPEATED = 4
_PADDING = string.digits + string.punctuation + " "
_NAMES = ("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "email")
# A password may contain a town or country, which says less about the person.
_STREETS = ("street_address", "formatted")
_SIGNS = re.compile(r"[\W_]+")
_WHAT_TO_DO = "choose several unrelated words, or have a password manager make one"


class PasswordRule(StrEnum):
    """The rule that a password breaks, for pages that show it in the person's language."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    CONTEXT = "context"


class UnusablePassword(ValueError):
    """The password may not be set; the message says why, without repeating the password."""

    def __init__(self, rule: PasswordRule, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


def check_rules(password: str, *, username: str, claims: Mapping[str, object] | None = None) -> None:
    """Raise UnusablePassword if a password may not be set for this account (SEC-604 to SEC-614).

    The claims hold the person's names and addresses, which attackers guess first.
    """
    if is_too_long(password):
        raise UnusablePassword(
            PasswordRule.TOO_LONG, f"the password must not be longer than {MAX_BYTES} bytes"
        )
    least = current.settings().password_min_length
    if len(unicodedata.normalize("NFC", password)) < least:
        raise UnusablePassword(PasswordRule.TOO_SHORT, f"the password must have at least {least} characters")
    text = folded(password)
    if _is_common(text):
        raise UnusablePassword(
            PasswordRule.COMMON, f"the password is one that attackers try first; {_WHAT_TO_DO}"
        )
    claims = claims or {}
    postal = claims.get("address")
    address = postal if isinstance(postal, Mapping) else {}
    names = [folded(username), *_texts_of(claims, _NAMES), *_texts_of(address, _STREETS)]
    if _contains_name(text, names) or _is_made_of_context(text, [*names, *_texts_of(address, address)]):
        raise UnusablePassword(
            PasswordRule.CONTEXT,
            "the password contains the person's name or address, or little more than the name of this "
            f"service; {_WHAT_TO_DO}",
        )


def _is_common(text: str) -> bool:
    """Return whether a password is common, or repeats or pads a common one."""
    for written in {text, "".join(text.split())}:
        # `passwordpassword` and `aaaaaaaaaaaaaaa` are no better than what they repeat.
        unit = written[: (written + written).find(written, 1)]
        if len(unit) < len(written) and len(unit) <= _LONGEST_REPEATED:
            return True
        if any(
            map(common_passwords.is_common, {written, unit, written.strip(_PADDING), unit.strip(_PADDING)})
        ):
            return True
    return False


def _contains_name(text: str, person: list[str]) -> bool:
    """Return whether a password contains a name or address of the person, ignoring punctuation."""
    joined = _SIGNS.sub("", text)
    names = {form for written in person for form in (written, written.partition("@")[0])}
    forms = names | {_SIGNS.sub("", name) for name in names}
    return any(len(form) >= _LEAST_NAME and (form in text or form in joined) for form in forms)


def _is_made_of_context(text: str, person: list[str]) -> bool:
    """Return whether a password is little more than words about this service or person."""
    host = urlsplit(current.settings().issuer).hostname or ""
    words = {"curfew", host, *host.split("."), *person}
    words.update(word for written in person for word in _SIGNS.split(written))
    left = text
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _LEAST_WORD:
            left = left.replace(word, "")
    return left != text and len(left.strip(_PADDING)) < _LEAST_OWN_CHARACTERS


def _texts_of(claims: Mapping[str, object], names: Iterable[str]) -> list[str]:
    return [folded(value) for name in names if isinstance(value := claims.get(name), str)]
