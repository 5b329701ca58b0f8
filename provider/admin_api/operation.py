"""One operation of the admin API, declared once; route, checks and description follow from it (DEC-19)."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
from flask import Response as FlaskResponse
from flask import request

from provider.admin_api import inputs, refusals
from provider.admin_api.caller import Caller, authenticate
from provider.admin_api.inputs import JSON, MERGE_PATCH, Query
from provider.infrastructure import acting, repeated_requests
from provider.infrastructure.database import in_transaction, reading
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.repeated_requests import KeptResponse
from provider.protocol.errors import InvalidRequest
from provider.protocol.permissions import Permission
from provider.protocol.problems import KeyReused, RequestInFlight, StaleVersion, VersionRequired
from provider.web.route import Route, Speaks

T = TypeVar("T")
ROOT = "/api/admin/v1"
# In the draft for this header the key is a quoted string; one without quotation marks is accepted too.
_KEY = re.compile(r'"?([A-Za-z0-9._~:+/=-]{1,255})"?')
_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,128}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response of an operation: a body of its declared type, or none."""

    body: msgspec.Struct | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> KeptResponse:
        """Return the response in the form in which it is sent and stored."""
        body = b"" if self.body is None else msgspec.json.encode(self.body)
        return KeptResponse(status=self.status, headers=dict(self.headers), body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request from a permitted caller; its query and body have the declared types."""

    caller: Caller
    query: Any
    body: Any
    # The JSON of the body, because a merge patch distinguishes between absent and null members.
    document: Mapping[str, Any]
    reserved: list[Any] = field(default_factory=list)

    def read(self, look: Callable[[], T]) -> T:
        """Run queries, and give the connection back afterwards."""
        with reading():
            return look()

    def transact(self, act: Callable[[], Response]) -> Response:
        """Act in one transaction, which also stores the response if the sender gave an Idempotency-Key."""

        def acted() -> Response:
            response = act()
            if self.reserved:
                repeated_requests.keep(self.reserved[0], response.encoded())
            return response

        with acting.acting_as(self.caller.operator):
            return in_transaction(acted)


def etag_of(body: msgspec.Struct) -> str:
    """Return the version of a body: a strong ETag over all of it (rfc9110 §8.8.3)."""
    return f'"{hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:32]}"'


def versioned(body: msgspec.Struct, status: int = 200, **headers: str) -> Response:
    """Return a response with its ETag, or 304 if a GET names this version."""
    etag = etag_of(body)
    if request.method == "GET" and request.if_none_match.contains_weak(etag.strip('"')):
        return Response(status=304, headers={"ETag": etag})
    return Response(body=body, status=status, headers={"ETag": etag} | headers)


def check_version(body: msgspec.Struct) -> None:
    """Compare the current, locked state with the version that the sender read. Raises StaleVersion."""
    if request.headers.get("If-Match") not in ("*", etag_of(body)):
        raise StaleVersion("it was changed meanwhile; read it again and repeat the change")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """One method at one address."""

    method: str
    rule: str
    # Unique; the operationId in the description.
    name: str
    summary: str
    permission: Permission
    view: Callable[..., Response]
    response: type[msgspec.Struct] | None = None
    query: type[Query] = Query
    body: type[msgspec.Struct] | None = None
    description: str = ""
    status: int = 200
    # Whether a person must have signed in recently.
    fresh: bool = False
    # Whether If-Match is required.
    versioned: bool = False
    # Whether a GET answers with an ETag, or with 304 if the sender has that version.
    shows_version: bool = False

    @property
    def mimetype(self) -> str:
        """The media type of the request body."""
        return MERGE_PATCH if self.method == "PATCH" else JSON

    def route(self) -> Route:
        """Return the route of this operation."""
        return Route(
            rule=ROOT + self.rule,
            name=self.name,
            view=partial(_respond, self),
            methods=(self.method,),
            speaks=Speaks.PROBLEM,
        )


def _respond(operation: Operation, **path: Any) -> FlaskResponse:
    """Check the caller before anything else, then the input, and carry out the operation."""
    caller = authenticate()
    caller.check(operation.permission, fresh=operation.fresh)
    query = inputs.read_query(operation.query)
    document: dict[str, Any] = {}
    if operation.body is None:
        inputs.no_body()
    else:
        document = inputs.read_document(operation.mimetype)
    body = inputs.convert(document, operation.body) if operation.body else None
    if operation.versioned:
        _check_has_version()
    call = Call(caller=caller, query=query, body=body, document=document)
    return _sent(_once(operation, call, path) if operation.method == "POST" else _done(operation, call, path))


def _done(operation: Operation, call: Call, path: Mapping[str, Any]) -> KeptResponse:
    with refusals.translated():
        return operation.view(call, **path).encoded()


def _once(operation: Operation, call: Call, path: Mapping[str, Any]) -> KeptResponse:
    """Carry out an operation, or return the stored response if this request was already answered."""
    key = _key()
    if key is None:
        return _done(operation, call, path)
    digest = digest_of(f"{call.caller.name}\n{request.method} {request.path}\n{key}")
    fingerprint = digest_of(request.query_string.decode("latin-1") + request.get_data().decode("latin-1"))
    try:
        reserved = in_transaction(lambda: repeated_requests.reserve(digest, fingerprint))
    except repeated_requests.InFlight as exc:
        raise RequestInFlight("a request with this Idempotency-Key is being answered") from exc
    except repeated_requests.OtherRequest as exc:
        raise KeyReused("this Idempotency-Key was used for another request") from exc
    if isinstance(reserved, KeptResponse):
        return reserved
    call.reserved.append(reserved)
    try:
        return _done(operation, call, path)
    except Exception:
        in_transaction(lambda: repeated_requests.release(reserved))
        raise


def _key() -> str | None:
    sent = request.headers.get("Idempotency-Key")
    if sent is None:
        return None
    match = _KEY.fullmatch(sent.strip())
    if match is None:
        raise InvalidRequest("Idempotency-Key must have 1 to 255 letters, digits or . _ ~ : + / = -")
    return match[1]


def _check_has_version() -> None:
    sent = request.headers.get("If-Match")
    if sent is None:
        raise VersionRequired("send the ETag of what is to be changed as If-Match")
    if sent != "*" and not _ETAG.fullmatch(sent):
        raise InvalidRequest("If-Match must be one strong ETag, or *")


def _sent(kept: KeptResponse) -> FlaskResponse:
    response = FlaskResponse(kept.body, status=kept.status)
    response.mimetype = JSON
    if not kept.body:
        del response.headers["Content-Type"]
    response.headers.extend(kept.headers)
    return response
