"""Translate errors of the rooms into problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from provider.accounts.claims import InvalidClaims
from provider.accounts.names import InvalidUsername
from provider.accounts.password_rules import UnusablePassword
from provider.accounts.passwords import TooBusy
from provider.accounts.queries import UnknownAccount
from provider.accounts.register import UsernameTaken
from provider.administration import accounts, clients, deliveries, grants, roles, sessions
from provider.administration.permissions import NotPermitted
from provider.clients.change import NoSecret
from provider.clients.initial_access import InvalidInitialAccessToken, UnknownInitialAccessToken
from provider.clients.options import InvalidOption
from provider.clients.queries import UnknownClient
from provider.clients.register import ClientIDTaken, InvalidClientID
from provider.clients.resources import IdentifierTaken, InvalidResource, UnknownResource
from provider.clients.secrets import UnusableSecret
from provider.delivery.queries import UnknownDelivery
from provider.infrastructure.repeated_requests import InFlight
from provider.keys.lifecycle import UnknownAlgorithm
from provider.keys.queries import UnknownKey
from provider.logout.bulk.begin import InTheFuture
from provider.logout.bulk.steering import NotSteerable
from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.errors import NotFound, TemporarilyUnavailable
from provider.protocol.problems import Conflict, InvalidInput, NotPermittedHere, RequestInFlight, StaleVersion
from provider.protocol.redirect_uri_rules import name_the_field
from provider.tokens.service import UnknownToken

_UNKNOWN = (
    *(UnknownAccount, UnknownClient, UnknownDelivery, UnknownInitialAccessToken, UnknownResource),
    *(UnknownKey, UnknownToken, grants.UnknownGrant, sessions.UnknownSession),
)
_INVALID = (
    *(InvalidClaims, InvalidUsername, UnusablePassword, InvalidOption, InvalidClientID, UnusableSecret),
    *(
        InvalidInitialAccessToken,
        InvalidResource,
        InTheFuture,
        UnknownAlgorithm,
        deliveries.InvalidReason,
        roles.InvalidRole,
    ),
)
_CONFLICTS = (
    *(UsernameTaken, ClientIDTaken, IdentifierTaken, NoSecret, NotSteerable, accounts.NothingToChange),
    *(roles.LastAdministrator, roles.RoleUnchanged, sessions.EndedAlready, grants.RevokedAlready),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of the rooms as problems; any other exception is a bug."""
    try:
        yield
    except _UNKNOWN as exc:
        raise NotFound("there is no such thing") from exc
    except InvalidClientMetadata as exc:
        problems = [(f"/metadata/{one.field}", name_the_field(one.sentence)) for one in exc.problems]
        raise InvalidInput("the metadata cannot be registered", problems) from exc
    except _INVALID as exc:
        raise InvalidInput(str(exc)) from exc
    except clients.ChangedMeanwhile as exc:
        raise StaleVersion(str(exc)) from exc
    except _CONFLICTS as exc:
        raise Conflict(str(exc)) from exc
    except NotPermitted as exc:
        raise NotPermittedHere(str(exc)) from exc
    except InFlight as exc:
        raise RequestInFlight("another request with this Idempotency-Key took over; repeat it") from exc
    except TooBusy as exc:
        raise TemporarilyUnavailable("too many passwords are being hashed; try again") from exc
