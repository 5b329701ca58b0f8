"""An endpoint, declared once next to its view; whatever depends on an address is derived from this."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any

from provider.config import Settings
from provider.web.openapi import Described

View = Callable[..., Any]
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


class Speaks(Enum):
    """The form of an endpoint's responses. Errors have it too, those before its view runs included."""

    # For programs; errors are JSON.
    JSON = auto()
    # For programs; errors are problem details (rfc9457).
    PROBLEM = auto()
    # For people; errors are pages.
    PAGE = auto()
    # Leads a browser on. Errors go to the app once its address is proven, and are pages until then.
    REDIRECT = auto()
    # Something that a page shows or loads; errors are pages.
    FILE = auto()


class CORS(Enum):
    """The scripts of other sites that may send a request and read its response (THR-33)."""

    NONE = auto()
    # The same for everyone: any site.
    PUBLIC = auto()
    # Any site, while clients may register themselves.
    REGISTRATION = auto()
    # The pages of the public client that sends the request.
    CLIENT = auto()
    # The pages of the public client that holds the token; any site may read that a token is dead.
    BEARER = auto()
    # As BEARER, but only pages of clients with the scope `account` pass a preflight.
    ACCOUNT = auto()

    @property
    def is_for_client_pages(self) -> bool:
        """Whether the response is about one client, whose own pages may read it."""
        return self in {CORS.CLIENT, CORS.BEARER, CORS.ACCOUNT}

    @property
    def shows_dead_tokens(self) -> bool:
        """Whether any site may read that a token is unknown, expired or revoked."""
        return self in {CORS.BEARER, CORS.ACCOUNT}


def _always(_settings: Settings) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """One endpoint. Several may share a rule, each with methods of its own and the same `cors`."""

    rule: str
    # Unique in its group. `url_for` takes `group.name`; logs and metrics show it.
    name: str
    view: View
    methods: tuple[str, ...] = ("GET",)
    speaks: Speaks = Speaks.PAGE
    cors: CORS = CORS.NONE
    # Whether HEAD runs the view of GET: only where that changes nothing (SEC-404).
    answers_head: bool = False
    # If this is False for the settings, the address does not exist: 404.
    is_offered: Callable[[Settings], bool] = _always
    # The largest body in bytes, if it is smaller than the setting `max_body_bytes`.
    max_body_bytes: int | None = None
    # The name of the address in the discovery documents.
    discovery: str = ""
    # Whether the address is also offered to clients with TLS certificates (rfc8705 §5).
    takes_certificates: bool = False
    # The number that an API adds to each of its errors, as `code`.
    error_code: Callable[[str], int] | None = None
    # How many threads of its own the server keeps for it, apart from those of all requests.
    own_threads: int = 0
    # How long the server may repeat its response to everyone without asking the application: only where the
    # response is public and nothing in a request changes it.
    shared_for: timedelta | None = None
    # Addresses of it, with their queries, that have one response for all requests while the process runs: the
    # server asks the application for it once.
    constant_at: tuple[str, ...] = ()
    # Its operations in OpenAPI by method, and the schemas that only they refer to.
    operations: Mapping[str, Described] = field(default_factory=dict)
    schemas: Mapping[str, Described] = field(default_factory=dict)

    @property
    def openapi_path(self) -> str:
        """The rule as OpenAPI writes it: `/register/{client_id}`."""
        return _VARIABLE.sub(r"{\1}", self.rule)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RouteGroup:
    """The routes of one room, whose name prefixes theirs."""

    name: str
    routes: tuple[Route, ...]
    # Below these, an address without an endpoint is answered in JSON.
    json_below: tuple[str, ...] = ()
    # And below these by problem details.
    problems_below: tuple[str, ...] = ()
    # Where the room keeps templates of its own.
    templates: Path | None = None
