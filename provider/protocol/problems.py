"""Problems of the admin API (rfc9457): each has a code, which is the last part of its type."""

from collections.abc import Iterable, Mapping

from provider.protocol.errors import InvalidRequest, ProtocolError

TYPE_PREFIX = "urn:curfew:problem:"


class InvalidInput(InvalidRequest):
    """rfc9110 §15.5.21: the input is well-formed but invalid; `errors` says where and why."""

    error = "invalid_input"
    status_code = 422
    redirectable = False

    def __init__(self, description: str, errors: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(description)
        listed = [{"pointer": pointer, "detail": detail} for pointer, detail in errors]
        self.members: Mapping[str, object] = {"errors": listed} if listed else {}


class UnsupportedMediaType(InvalidRequest):
    """rfc9110 §15.5.16."""

    error = "unsupported_media_type"
    status_code = 415
    redirectable = False


class NotPermittedHere(ProtocolError):
    """rfc9110 §15.5.4: the caller's permissions do not allow this, with this object."""

    error = "not_permitted"
    status_code = 403
    redirectable = False


class Conflict(ProtocolError):
    """rfc9110 §15.5.10: the present state of the object does not allow this."""

    error = "conflict"
    status_code = 409
    redirectable = False


class RequestInFlight(Conflict):
    """A request with the same Idempotency-Key is being answered right now."""

    error = "request_in_flight"


class KeyReused(ProtocolError):
    """The Idempotency-Key was used for another request."""

    error = "idempotency_key_reused"
    status_code = 422
    redirectable = False


class StaleVersion(ProtocolError):
    """rfc9110 §15.5.13: the object has changed since it was read."""

    error = "stale_version"
    status_code = 412
    redirectable = False


class VersionRequired(ProtocolError):
    """rfc6585 §3: without If-Match, another caller's change could be lost."""

    error = "version_required"
    status_code = 428
    redirectable = False
