"""Limit password guesses without letting one person's guesses lock out another (SEC-601).

| guesses from | are counted by | beyond the limit |
|---|---|---|
| a browser in which the person has signed in before | this browser only | it counts as any other browser |
| any other browser | account and network; network over all accounts | this network waits |
| all other browsers together | account | each network may guess at it a few times only, the slow path |

Guesses at an account are counted before the password is checked, so that parallel guesses are all counted
(RACE-15). They are counted by the name as typed, whether or not such an account exists (SEC-623).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from provider.accounts import names
from provider.infrastructure import current, network_limits
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.rate_limits import step

_NETWORK, _ACCOUNT, _SLOW = "sign-in-address", "sign-in-account", "sign-in-slow"
_BROWSER, _EVERYWHERE, _AUDIT = "sign-in-browser", "sign-in-everywhere", "sign-in-audit"
_AUDIT_LIMIT = "1 per minute"


class TooMany(StrEnum):
    """The limit that a guess exceeds."""

    TOO_MANY = "too_many"
    SLOWED = "slowed"


@dataclass(frozen=True, slots=True)
class Guess:
    """One guess at the password of a name; `browser` is the key by which a known browser is counted."""

    name: str
    networks: tuple[str, ...]
    browser: str | None = None


def count(username: str, networks: tuple[str, ...], browser: str | None = None) -> Guess | TooMany:
    """Count a guess that is about to be checked, or return which limit it exceeds."""
    settings, limits = current.settings(), current.services().rate_limits
    name = _key_of(username)
    if browser is not None and limits.hit(settings.sign_in_limit_browser, _BROWSER, digest_of(browser)):
        return Guess(name, networks, browser)
    network = network_limits.steps(networks, settings.sign_in_limit_address, _NETWORK, counts=False)
    everywhere = step(settings.sign_in_limit_everywhere, _EVERYWHERE, name, counts=False)
    account = network_limits.steps(networks, settings.sign_in_limit_account, _ACCOUNT, name)
    refused = limits.first_refused([*network, everywhere, *account])
    # The account's limit over all networks is exceeded: each network may guess only a few times.
    if refused == len(network):
        slow = network_limits.steps(networks, settings.sign_in_limit_slow, _SLOW, name)
        refused = limits.first_refused([*slow, *account])
        if refused is not None and refused < len(slow):
            return TooMany.SLOWED
    return Guess(name, networks) if refused is None else TooMany.TOO_MANY


def failed(guess: Guess) -> None:
    """Count a wrong guess against the network, and against the account over all networks."""
    if guess.browser is not None:
        return
    settings = current.settings()
    network_limits.hit(guess.networks, settings.sign_in_limit_address, _NETWORK)
    current.services().rate_limits.hit(settings.sign_in_limit_everywhere, _EVERYWHERE, guess.name)


def succeeded(guess: Guess) -> None:
    """Forget the guesses from this browser or network; those from elsewhere still count."""
    settings = current.settings()
    if guess.browser is not None:
        limits = current.services().rate_limits
        limits.clear(settings.sign_in_limit_browser, _BROWSER, digest_of(guess.browser))
    else:
        network_limits.clear(guess.networks, settings.sign_in_limit_account, _ACCOUNT, guess.name)


def count_refused(username: str, networks: tuple[str, ...]) -> bool:
    """Count a guess beyond the limits; return whether it is this network's first at the name in a minute."""
    return network_limits.hit(networks, _AUDIT_LIMIT, _AUDIT, _key_of(username))


def seconds_to_wait(username: str, networks: tuple[str, ...], why: TooMany) -> int:
    """Return how many seconds a network has to wait before it may guess at the name again."""
    settings, name = current.settings(), _key_of(username)
    if why is TooMany.SLOWED:
        wait = network_limits.wait(networks, settings.sign_in_limit_slow, _SLOW, name)
    else:
        wait = max(
            network_limits.wait(networks, settings.sign_in_limit_address, _NETWORK),
            network_limits.wait(networks, settings.sign_in_limit_account, _ACCOUNT, name),
        )
    return max(1, math.ceil(wait))


def _key_of(username: str) -> str:
    return digest_of(names.fold(username))
