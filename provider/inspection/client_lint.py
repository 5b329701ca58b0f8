"""Remarks on the registration of a client: things that work but could be better.

Each is a finding with its fix; the score is 100 minus their costs. No address is called.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from provider.clients.addresses import has_plain_http_logout
from provider.clients.models import Client, LogoutTokenNames
from provider.infrastructure import clock
from provider.inspection.findings import Finding, Grade
from provider.protocol.redirect_uri_rules import unwise_uris

_COST = {Grade.FAIL: 30, Grade.WARN: 10, Grade.SKIPPED: 0, Grade.PASS: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """The remarks on one client."""

    findings: tuple[Finding, ...]

    @property
    def score(self) -> int:
        """The score: 100 without remarks, never below 0."""
        return max(0, 100 - sum(_COST[one.grade] for one in self.findings))


def lint(client: Client) -> Lint:
    """Return the remarks on a client, most severe first."""
    found = [*_logout(client), *_addresses(client), *_proof(client), *_people(client)]
    order = list(Grade)
    return Lint(findings=tuple(sorted(found, key=lambda one: -order.index(one.grade))))


def _logout(client: Client) -> Iterator[Finding]:
    metadata = client.metadata_
    if not metadata.redirect_uris:
        return
    if not metadata.backchannel_logout_uri:
        yield _of(
            Grade.FAIL,
            "backchannel_logout_uri",
            "It is not notified of sign-outs: people stay signed in there.",
            "Register the address at which it takes Logout Tokens.",
        )
    if has_plain_http_logout(metadata):
        yield _of(
            Grade.FAIL,
            "backchannel_logout_uri",
            "Logout Tokens travel over plain http: others on the way can hold them back.",
            "Serve the endpoint over https and register that address.",
        )
    if client.logout_token_names == LogoutTokenNames.SUB:
        yield _of(
            Grade.WARN,
            "logout_token_names",
            "Its tokens name the person alone, so a sign-out of one browser ends all there.",
            "Use `both` if the app can keep the sid of each session.",
        )
    if not metadata.post_logout_redirect_uris:
        yield _of(
            Grade.WARN,
            "post_logout_redirect_uris",
            "After a sign-out people stay on the provider's page.",
            "Register where they go on.",
        )
    if not client.told_of_expiry:
        yield _of(
            Grade.WARN,
            "told_of_expiry",
            "It is not notified when a session expires.",
            "Turn the option on unless the app's own sessions are short.",
        )


def _addresses(client: Client) -> Iterator[Finding]:
    for uri, why in unwise_uris(client.metadata_).items():
        yield _of(Grade.FAIL, "redirect_uris", f"{uri} {why}.", "Use https, or a reverse domain name.")
    if client.deliver_to:
        yield _of(
            Grade.WARN,
            "deliver_to",
            f"Logout Tokens are sent to {client.deliver_to} instead.",
            "Remove the override before production.",
        )


def _proof(client: Client) -> Iterator[Finding]:
    metadata = client.metadata_
    if metadata.has_secret and client.any_secret_method:
        yield _of(
            Grade.WARN,
            "token_endpoint_auth_method",
            "Its secret may come in two ways, because none was chosen.",
            "Name the one that the app uses.",
        )
    if "implicit" in metadata.grant_types:
        yield _of(
            Grade.WARN,
            "grant_types",
            "The implicit grant puts tokens into addresses.",
            "Use response_type=code with PKCE.",
        )
    if client.previous_secret_expires_at and client.previous_secret_expires_at > clock.now():
        yield _of(
            Grade.WARN,
            "client_secret",
            f"A replaced secret works until {client.previous_secret_expires_at:%Y-%m-%d %H:%M} UTC.",
            "Configure the new one everywhere before.",
        )


def _people(client: Client) -> Iterator[Finding]:
    metadata = client.metadata_
    if not metadata.contacts:
        yield _of(
            Grade.WARN,
            "contacts",
            "No contact is named who could be asked when it refuses notifications.",
            "Register the address of the people responsible.",
        )
    if not metadata.client_name:
        yield _of(
            Grade.WARN,
            "client_name",
            "People see its client_id instead of a name.",
            "Register a name.",
        )


def _of(grade: Grade, check: str, meaning: str, fix: str) -> Finding:
    return Finding(check=check, grade=grade, saw="", meaning=meaning, fix=fix)
