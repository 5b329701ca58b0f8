"""Take over clients: register as much of each as is allowed, and report the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from provider.administration import clients as acts
from provider.administration.clients import PRESELECTED, PRESELECTED_OPTIONS
from provider.clients import queries
from provider.clients.options import ClientOptions, from_values
from provider.clients.register import ClientIDTaken, InvalidClientID, check_new_id
from provider.clients.secrets import UnusableSecret, check_given
from provider.imports.foreign import ForeignClient
from provider.imports.report import Report
from provider.protocol.client_metadata import ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri_rules import FIELDS as REDIRECT_FIELDS
from provider.protocol.redirect_uri_rules import why_unwise
from provider.protocol.uri import MalformedURI

# A client without these members would be a different one.
_ESSENTIAL = frozenset({"redirect_uris", "grant_types", "token_endpoint_auth_method", "jwks", "jwks_uri"})
_SECRET_METHOD = "client_secret_basic"  # noqa: S105 – a method, no secret.
_KIND = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A client that may be registered."""

    foreign: ForeignClient
    metadata: ClientMetadata
    options: ClientOptions
    secret: str | None = field(repr=False)


def prepare(clients: Sequence[ForeignClient], report: Report) -> list[Prepared]:
    """Return the clients that can be taken over; no transaction is open."""
    known = queries.find_many([one.client_id for one in clients])
    found: dict[str, Prepared] = {}
    for foreign in clients:
        if foreign.client_id in known or foreign.client_id in found:
            report.count(_KIND, "already here")
            continue
        prepared = _prepare(foreign, report)
        if prepared is None:
            report.count(_KIND, "not taken")
        else:
            found[foreign.client_id] = prepared
    return list(found.values())


def take(prepared: Sequence[Prepared], report: Report) -> None:
    """Register clients in the open transaction."""
    for one in prepared:
        made = acts.register(
            one.metadata,
            one.options,
            client_id=one.foreign.client_id,
            client_secret=one.secret,
            any_secret_method=one.metadata.token_endpoint_auth_method == _SECRET_METHOD,
        )
        if not one.foreign.enabled:
            acts.update(made.client, one.metadata, enabled=False)
        if made.secret and one.secret is None:
            report.secrets[one.foreign.client_id] = made.secret
        report.count(_KIND, "taken")


def _prepare(foreign: ForeignClient, report: Report) -> Prepared | None:
    name = f"client {foreign.client_id}"
    try:
        check_new_id(foreign.client_id)
        metadata = _fitting(name, dict(foreign.metadata), report)
    except (InvalidClientID, ClientIDTaken, InvalidClientMetadata) as exc:
        report.note_loss(name, f"the client: {exc}")
        return None
    return Prepared(
        foreign=foreign,
        metadata=metadata,
        options=from_values(PRESELECTED_OPTIONS | dict(foreign.options)),
        secret=_usable_secret(name, foreign, metadata, report),
    )


def _fitting(name: str, metadata: dict[str, Any], report: Report) -> ClientMetadata:
    """Return the metadata without members that may not be registered. Raises InvalidClientMetadata."""
    for field_ in REDIRECT_FIELDS:
        metadata[field_] = [
            uri for uri in metadata.get(field_, ()) if _may_stay(name, field_, uri, metadata, report)
        ]
    while True:
        try:
            read = read_registration(PRESELECTED | metadata)
            acts.check_reachable(read, ClientOptions())
        except InvalidClientMetadata as exc:
            names = {problem.field for problem in exc.problems}
            if names & _ESSENTIAL or not names & metadata.keys():
                raise
            for problem in exc.problems:
                if metadata.pop(problem.field, None) is not None:
                    report.note_loss(name, f"{problem.field} {problem.sentence}")
        else:
            return read


def _may_stay(name: str, field_: str, uri: str, metadata: dict[str, Any], report: Report) -> bool:
    """Return whether a redirect URI may be registered; wildcards may not: only exact addresses match."""
    if "*" in uri:
        report.note_loss(f"{name} {uri[:100]}", f"{field_} with a wildcard: register each exact address")
        return False
    try:
        why = why_unwise(uri, native=metadata.get("application_type") == "native")
    except MalformedURI as exc:
        why = str(exc)
    if why is not None:
        report.note_loss(f"{name} {uri[:100]}", f"an address of {field_} that {why}")
    return why is None


def _usable_secret(name: str, foreign: ForeignClient, metadata: ClientMetadata, report: Report) -> str | None:
    if not metadata.has_secret:
        return None
    try:
        if foreign.secret is not None:
            check_given(foreign.secret)
            return foreign.secret
    except UnusableSecret as exc:
        report.note_change(name, f"gets a new secret: {exc}")
        return None
    report.note_change(name, "gets a new secret: the export has none, or hides it")
    return None
