"""Examine an app's back-channel logout endpoint (DLV-17): is it reachable, which tokens does it accept?

It uses the same outbound client as real deliveries, and only made-up names, so that no real session ends.
"""

from collections.abc import Iterator
from datetime import timedelta

from provider.clients.addresses import has_plain_http_logout
from provider.clients.models import Client, LogoutTokenNames
from provider.delivery.degraded import count_waiting, find_failing
from provider.infrastructure import clock, current
from provider.infrastructure.database import reading
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.outbound_http import (
    FailureKind,
    OutboundFailure,
    OutboundResponse,
    RefusedTarget,
    Sighting,
    check_url,
)
from provider.inspection import responses
from provider.inspection.findings import Finding, Grade, Report
from provider.inspection.specimens import Specimen, Specimens
from provider.logout.notice import recipient_of

CERTIFICATE_ENDS_SOON = timedelta(days=14)
_NAMES = {
    LogoutTokenNames.BOTH: "sub and sid",
    LogoutTokenNames.SID: "sid alone",
    LogoutTokenNames.SUB: "sub alone",
}
_STEPS: dict[FailureKind, str] = {
    "refused": "address policy",
    "dns": "DNS",
    "connect": "connection",
    "tls": "TLS",
}
_FIXES: dict[FailureKind, str] = {
    "refused": "Register a public https address, or allow its network by CURFEW_OUTBOUND_ALLOW.",
    "dns": "Publish an address for this name, or correct the registered backchannel_logout_uri.",
    "connect": "Start the app, and allow the provider through its firewall.",
    "tls": "Serve a certificate for this name from a trusted authority, with its full chain.",
}


def examine(client: Client) -> Report:
    """Try an app's endpoint with all specimens; nothing is written and no person is signed out."""
    url = client.deliver_to or client.metadata_.backchannel_logout_uri or ""
    return Report(client_id=client.client_id, url=url, findings=tuple(_examine(client, url)))


def _examine(client: Client, url: str) -> Iterator[Finding]:
    if not url:
        yield Finding(
            check="registration",
            grade=Grade.FAIL,
            saw="no backchannel_logout_uri",
            meaning="This app is not notified of sign-outs.",
            fix="Register an address: curfew client update, option --backchannel-logout-uri.",
        )
        return
    yield _registration(client, url)
    yield from _deliveries(client)
    reach = list(_reach(url))
    yield from reach
    if reach[-1].grade is not Grade.FAIL:
        yield from _tokens(client, url)


def _registration(client: Client, url: str) -> Finding:
    if not client.is_active:
        return Finding(
            check="registration",
            grade=Grade.WARN,
            saw=f"{client.client_id} is disabled",
            meaning="Sign-ins to it are refused; pending notifications are still delivered.",
        )
    if client.deliver_to:
        return Finding(
            check="registration",
            grade=Grade.WARN,
            saw=f"notified at {url} instead of {client.metadata_.backchannel_logout_uri}",
            meaning="The override is for development only.",
            fix="Remove it (curfew client update, option --deliver-to) before this app is used in "
            "production.",
        )
    if has_plain_http_logout(client.metadata_):
        return Finding(
            check="registration",
            grade=Grade.WARN,
            saw=f"{url} is registered with plain http",
            meaning="Others on the network path can read, withhold or replay Logout Tokens.",
            fix="Serve the endpoint over https and register that address: curfew client update.",
        )
    named = _NAMES[LogoutTokenNames(client.logout_token_names)]
    return Finding(check="registration", grade=Grade.PASS, saw=f"{url}, Logout Tokens carry {named}")


def _deliveries(client: Client) -> Iterator[Finding]:
    """Report the recent failures of the endpoint, if there are any."""
    with reading():
        health = find_failing(recipient_of(client.id))
        waiting = count_waiting(recipient_of(client.id)) if health else 0
    if health is None:
        return
    how = "refusing" if health.is_refusing else "failing"
    since = f" since {health.failing_since:%Y-%m-%d %H:%M:%S} UTC" if health.failing_since else ""
    yield Finding(
        check="deliveries",
        grade=Grade.WARN,
        saw=f"{how}{since}: {health.last_outcome}; {waiting} waiting",
        meaning="Pending notifications are retried until they expire.",
        fix="Once nothing below fails: curfew delivery retry, option --client.",
    )


def _reach(url: str) -> Iterator[Finding]:
    """Connect to the endpoint step by step; the last finding is for the step that was reached."""
    try:
        check_url(url, current.services().outbound.policy)
        seen = current.services().outbound.look(url)
    except OutboundFailure as failure:
        policy = isinstance(failure, RefusedTarget)
        yield Finding(
            check=_STEPS.get(failure.kind, "connection"),
            grade=Grade.FAIL,
            saw=failure.detail,
            meaning=f"{str(failure).capitalize()}: no Logout Token can be delivered.",
            fix=_FIXES["refused"] if policy else _FIXES.get(failure.kind, _FIXES["connect"]),
        )
        return
    yield Finding(check="address policy", grade=Grade.PASS, saw="every address is allowed")
    yield Finding(check="DNS", grade=Grade.PASS, saw=", ".join(map(str, seen.addresses)))
    yield Finding(check="connection", grade=Grade.PASS, saw=f"connected to {seen.connected_to}")
    yield _tls(seen)


def _tls(seen: Sighting) -> Finding:
    if seen.tls_version is None:
        return Finding(
            check="TLS",
            grade=Grade.WARN,
            saw="plain http",
            meaning="Others on the network path can read and withhold Logout Tokens.",
            fix="Serve the endpoint over https, except on this machine.",
        )
    ends_at = seen.certificate_ends_at
    if ends_at is None:
        return Finding(
            check="TLS", grade=Grade.WARN, saw=f"{seen.tls_version}, no end date in the certificate"
        )
    left = ends_at - clock.now()
    saw = f"{seen.tls_version}, certificate until {ends_at:%Y-%m-%d} ({left.days} days)"
    if left > CERTIFICATE_ENDS_SOON:
        return Finding(check="TLS", grade=Grade.PASS, saw=saw)
    return Finding(
        check="TLS",
        grade=Grade.WARN,
        saw=saw,
        meaning="After that date no Logout Token can be delivered.",
        fix="Renew the certificate, and automate the renewal.",
    )


def _tokens(client: Client, url: str) -> Iterator[Finding]:
    specimens = Specimens.for_client(client)
    good = specimens.good()
    response = _send(url, good)
    findings = responses.to_good_token(response)
    yield from findings
    if findings[0].grade is Grade.FAIL:
        # The endpoint refuses everything or does not respond, so bad tokens would prove nothing.
        yield Finding(
            check="bad tokens",
            grade=Grade.SKIPPED,
            saw="not tried",
            meaning="If the endpoint refuses the good token, its refusal of bad ones proves nothing.",
        )
        return
    for specimen in specimens.bad(good):
        yield _refused(url, specimen)


def _refused(url: str, specimen: Specimen) -> Finding:
    return responses.to_bad_token(specimen, _send(url, specimen.token))


def _send(url: str, token: str) -> OutboundResponse | OutboundFailure:
    # The headers of a real delivery, so that an app cannot see the difference.
    headers = {"Curfew-Delivery": str(new_id()), "Curfew-Attempt": "1"}
    try:
        return current.services().outbound.post_form(url, {"logout_token": token}, headers=headers)
    except OutboundFailure as failure:
        return failure
