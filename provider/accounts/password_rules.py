"""Which passwords may be set: long enough and not easy to guess; nothing about kinds of characters."""

import string
import unicodedata
from enum import StrEnum
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from provider.accounts.passwords import MAX_BYTES, is_too_long
from provider.infrastructure import current

# How much a password must hold besides words that anybody would try here (SEC-602).
_LEAST_OWN_CHARACTERS = 5
_LEAST_WORD = 3
_PADDING = string.digits + string.punctuation + " "


class PasswordRule(StrEnum):
    """Which rule a password breaks, for pages that say it in the person's language."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    CONTEXT = "context"


class UnusablePassword(ValueError):
    """The password may not be set; the sentence says why, without repeating it."""

    def __init__(self, rule: PasswordRule, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


def check_rules(password: str, *, username: str) -> None:
    """Raise UnusablePassword if a password may not be set for this account (SEC-604 to SEC-614)."""
    if is_too_long(password):
        raise UnusablePassword(
            PasswordRule.TOO_LONG, f"the password must not be longer than {MAX_BYTES} bytes"
        )
    password = unicodedata.normalize("NFC", password)
    least = current.settings().password_min_length
    if len(password) < least:
        raise UnusablePassword(PasswordRule.TOO_SHORT, f"the password must have at least {least} characters")
    folded = password.casefold()
    if _is_common(folded):
        raise UnusablePassword(PasswordRule.COMMON, "the password is one of those that are tried first")
    if _is_made_of_context(folded, username):
        raise UnusablePassword(
            PasswordRule.CONTEXT, "the password must not be made of the user name or the name of this service"
        )


def _is_common(folded: str) -> bool:
    # `passwordpassword` and `aaaaaaaaaaaaaaa` are no better than what they repeat.
    unit = folded[: (folded + folded).find(folded, 1)]
    if len(unit) < len(folded) and len(unit) <= 4:
        return True
    common = _common_passwords()
    return not common.isdisjoint({folded, unit, folded.rstrip("0123456789!.?*#"), unit.rstrip("0123456789!")})


def _is_made_of_context(folded: str, username: str) -> bool:
    """Return whether little is left of a password without words that belong to this place or person."""
    host = urlsplit(current.settings().issuer).hostname or ""
    words = {"curfew", username.casefold(), *username.casefold().split("@"), host, *host.split(".")}
    left = folded
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _LEAST_WORD:
            left = left.replace(word, "")
    return left != folded and len(left.strip(_PADDING)) < _LEAST_OWN_CHARACTERS


@cache
def _common_passwords() -> frozenset[str]:
    lines = files("provider.accounts").joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
