"""How often a password may be guessed, without letting one person's guesses lock out another (SEC-601).

| guesses from | are counted by | beyond the limit |
|---|---|---|
| a browser in which the person has signed in before | this browser alone | it counts as any other browser |
| any other browser | account and network; network over all accounts | this network waits |
| all other browsers together | account | each network may guess at it a few times only, the slow path |

Guesses at an account are counted before the password is checked, so that any number of parallel ones count
as many (RACE-15). Names are counted as typed, whether or not there is such an account (SEC-623).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from provider.accounts import names
from provider.infrastructure import current
from provider.infrastructure.opaque_tokens import digest_of
from provider.web import network_limits
from provider.web.i18n import gettext as _
from provider.web.i18n import ngettext

_NETWORK, _ACCOUNT, _SLOW = "sign-in-address", "sign-in-account", "sign-in-slow"
_BROWSER, _EVERYWHERE, _AUDIT = "sign-in-browser", "sign-in-everywhere", "sign-in-audit"
_AUDIT_LIMIT = "1 per minute"


class TooMany(StrEnum):
    """Which limit a guess exceeds."""

    TOO_MANY = "too_many"
    SLOWED = "slowed"


@dataclass(frozen=True, slots=True)
class Guess:
    """One guess at the password of a name; `browser` is what a known browser is counted under."""

    name: str
    browser: str | None = None


def count(username: str, browser: str | None) -> Guess | TooMany:
    """Count a guess that is about to be checked, or return which limit it exceeds."""
    settings, limits = current.settings(), current.house().rate_limits
    name = _key_of(username)
    if browser is not None and limits.hit(settings.sign_in_limit_browser, _BROWSER, digest_of(browser)):
        return Guess(name, browser)
    if not network_limits.test(settings.sign_in_limit_address, _NETWORK):
        return TooMany.TOO_MANY
    is_under_attack = not limits.test(settings.sign_in_limit_everywhere, _EVERYWHERE, name)
    if is_under_attack and not network_limits.hit(settings.sign_in_limit_slow, _SLOW, name):
        return TooMany.SLOWED
    if not network_limits.hit(settings.sign_in_limit_account, _ACCOUNT, name):
        return TooMany.TOO_MANY
    return Guess(name)


def failed(guess: Guess) -> None:
    """Count a wrong guess against the network, and against the account over all networks."""
    if guess.browser is not None:
        return
    settings = current.settings()
    network_limits.hit(settings.sign_in_limit_address, _NETWORK)
    current.house().rate_limits.hit(settings.sign_in_limit_everywhere, _EVERYWHERE, guess.name)


def succeeded(guess: Guess) -> None:
    """Forget the guesses that were made in this browser or network; those made elsewhere still count."""
    settings = current.settings()
    if guess.browser is not None:
        limits = current.house().rate_limits
        limits.clear(settings.sign_in_limit_browser, _BROWSER, digest_of(guess.browser))
    else:
        network_limits.clear(settings.sign_in_limit_account, _ACCOUNT, guess.name)


def is_to_be_audited(username: str) -> bool:
    """Return whether a guess beyond the limits is the first at this name from this network in a minute."""
    return network_limits.hit(_AUDIT_LIMIT, _AUDIT, _key_of(username))


def seconds_to_wait(username: str, why: TooMany) -> int:
    """Return after how many seconds this network may guess at the name again."""
    settings, name = current.settings(), _key_of(username)
    if why is TooMany.SLOWED:
        wait = network_limits.wait(settings.sign_in_limit_slow, _SLOW, name)
    else:
        wait = max(
            network_limits.wait(settings.sign_in_limit_address, _NETWORK),
            network_limits.wait(settings.sign_in_limit_account, _ACCOUNT, name),
        )
    return max(1, math.ceil(wait))


def in_words(why: TooMany, username: str) -> str:
    """Return the sentence for the person."""
    if why is TooMany.TOO_MANY:
        return _("Too many attempts. Wait a few minutes, then try again.")
    minutes = math.ceil(seconds_to_wait(username, why) / 60)
    return ngettext(
        "Too many sign-ins with this user name have failed. Try again in %(count)s minute, or use a browser "
        "in which you have signed in before: it does not have to wait.",
        "Too many sign-ins with this user name have failed. Try again in %(count)s minutes, or use a browser "
        "in which you have signed in before: it does not have to wait.",
        minutes,
    ) % {"count": minutes}


def _key_of(username: str) -> str:
    return digest_of(names.fold(username))
