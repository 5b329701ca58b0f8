"""Exit codes, and the message for each kind of error."""

from enum import IntEnum

from curfew_rp.errors import ProviderUnreachable
from relying_party_demo.native.app import NotSignedIn
from relying_party_demo.native.browser_sign_in import SignInRefused
from relying_party_demo.native.locks import Busy, SignOutInProgress
from relying_party_demo.native.loopback import NoResponse
from relying_party_demo.native.plain_text import plain
from relying_party_demo.native.purge import PurgeIncomplete
from relying_party_demo.native.refusals import Code, Refused
from relying_party_demo.native.secret_store import StoreUnavailable
from relying_party_demo.native.step_up import StepUpNeeded


class Exit(IntEnum):
    """The outcome of a command."""

    DONE = 0
    TROUBLE = 1
    WRONG_USE = 2
    SIGN_IN = 3
    SESSION_ENDED = 4
    NO_NETWORK = 5
    CANCELLED = 6
    IN_PROGRESS = 7


TROUBLE = (
    NotSignedIn,
    Refused,
    StepUpNeeded,
    ProviderUnreachable,
    SignOutInProgress,
    SignInRefused,
    NoResponse,
    PurgeIncomplete,
    StoreUnavailable,
    Busy,
    OSError,
)
_BY_CODE = {Code.NO_TOKEN: Exit.SIGN_IN, Code.SESSION_ENDED: Exit.SESSION_ENDED}


def exit_of(exc: Exception) -> tuple[Exit, str]:
    """Return the exit code and the message for an error."""
    match exc:
        case NotSignedIn():
            return Exit.SIGN_IN, "You are not signed in. Sign in with: login"
        case Refused(code=code):
            return _BY_CODE.get(code, Exit.TROUBLE), f"{exc}."
        case StepUpNeeded():
            return Exit.TROUBLE, f"It did not work: {exc} ({int(Code.OTHER)})."
        case ProviderUnreachable():
            return Exit.NO_NETWORK, f"No network: {exc}."
        case SignOutInProgress():
            return Exit.IN_PROGRESS, "A sign-out is already in progress."
        case SignInRefused() | NoResponse():
            return Exit.TROUBLE, f"Not signed in: {plain(str(exc))}."
        case _:
            return Exit.TROUBLE, f"It did not work: {plain(str(exc))}."
