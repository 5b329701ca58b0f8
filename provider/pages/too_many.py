"""The sentence for a person whose guesses at a password exceed a limit, and how long they have to wait."""

import math

from provider.authentication import guesses
from provider.authentication.guesses import TooMany
from provider.web.addresses import client_networks
from provider.web.i18n import gettext as _
from provider.web.i18n import ngettext


def seconds_to_wait(username: str, why: TooMany) -> int:
    """Return the seconds until this network may try a password for this user name again."""
    return guesses.seconds_to_wait(username, client_networks(), why)


def in_words(why: TooMany, username: str) -> str:
    """Return the sentence for the person."""
    if why is TooMany.TOO_MANY:
        return _("Too many attempts. Wait a few minutes, then try again.")
    minutes = math.ceil(seconds_to_wait(username, why) / 60)
    return ngettext(
        "Too many sign-ins with this user name have failed. Try again in %(count)s minute, or use a browser "
        "in which you have signed in before; there you can try at once.",
        "Too many sign-ins with this user name have failed. Try again in %(count)s minutes, or use a browser "
        "in which you have signed in before; there you can try at once.",
        minutes,
    ) % {"count": minutes}
