"""The meaning of an app's responses to good and bad tokens (backchannel §2.7, §2.8)."""

from datetime import timedelta

from provider.infrastructure.outbound_http import OutboundFailure, OutboundResponse
from provider.inspection.findings import Finding, Grade
from provider.inspection.specimens import Specimen

Response = OutboundResponse | OutboundFailure
SLOW = timedelta(seconds=2)
_GOOD = "good token"
_WHY_A_GOOD_ONE_IS_REFUSED = (
    "The app either rejects all tokens of this provider or treats an unknown "
    "session as an error; a session that is already signed out counts as success (§2.7)."
)
_HOW_TO_ACCEPT_A_GOOD_ONE = (
    "See the app's log for the reason: issuer, client_id, algorithm and jwks_uri must be this "
    "provider's, and an unknown session is answered with 200."
)


def to_good_token(response: Response) -> list[Finding]:
    """Judge the response to a valid token for a session unknown to the app."""
    if isinstance(response, OutboundFailure):
        finding = Finding(
            check=_GOOD,
            grade=Grade.FAIL,
            saw=response.detail or str(response),
            meaning=f"{str(response).capitalize()}: deliveries are retried for days and then expire.",
            fix="Answer a form POST with logout_token within a few seconds.",
        )
        return [finding]
    return [_status_of_good(response), *_manners(response)]


def to_bad_token(specimen: Specimen, response: Response) -> Finding:
    """Judge the response to a token that must, or should, be refused."""
    if isinstance(response, OutboundFailure):
        return Finding(
            check=specimen.check,
            grade=Grade.FAIL,
            saw=str(response),
            meaning="A bad token, which anyone can send, keeps the app from answering.",
            fix="Answer 400 to an invalid token.",
        )
    grade, meaning, fix = _refusal(specimen, response.status)
    return Finding(
        check=specimen.check,
        grade=grade,
        saw=f"status {response.status}",
        meaning=meaning,
        fix=fix,
        latency_ms=_milliseconds(response),
    )


def _status_of_good(response: OutboundResponse) -> Finding:
    grade, meaning, fix = _acceptance(response.status)
    saw = f"status {response.status}"
    location = response.headers.get("Location")
    if response.status // 100 == 3 and location:
        saw += f" to {location}"
    return Finding(
        check=_GOOD, grade=grade, saw=saw, meaning=meaning, fix=fix, latency_ms=_milliseconds(response)
    )


def _acceptance(status: int) -> tuple[Grade, str, str]:
    match status:
        case 200 | 204:
            return Grade.PASS, "", ""
        case 400:
            return (
                Grade.FAIL,
                _WHY_A_GOOD_ONE_IS_REFUSED,
                _HOW_TO_ACCEPT_A_GOOD_ONE,
            )
    match status // 100:
        case 2:
            return Grade.WARN, "Only 200 and 204 confirm the logout (§2.8).", "Answer 200."
        case 3:
            return (
                Grade.FAIL,
                "Redirects are not followed: a Logout Token is sent only to the registered address.",
                "Register the final address, and exempt the path from redirects to a sign-in page.",
            )
        case 4:
            return (
                Grade.FAIL,
                "The address is wrong, or something in front of the app rejects the provider.",
                "Allow the path without cookie, CSRF token or authentication: the Logout Token is the proof.",
            )
    return (
        Grade.FAIL,
        "The app fails on a valid token; deliveries are retried for days.",
        "See the app's log.",
    )


def _manners(response: OutboundResponse) -> list[Finding]:
    findings = []
    if "no-store" not in response.headers.get("Cache-Control", "").lower():
        findings.append(
            Finding(
                check="caching",
                grade=Grade.WARN,
                saw=f"Cache-Control: {response.headers.get('Cache-Control', 'none')}",
                meaning="The response should not be cached (§2.8).",
                fix="Answer with Cache-Control: no-store.",
            )
        )
    if response.elapsed > SLOW:
        findings.append(
            Finding(
                check="latency",
                grade=Grade.WARN,
                saw=f"{_milliseconds(response)} ms",
                meaning="People wait for sign-outs, and a slow app is notified later than others.",
                fix="End the sessions first and do the rest afterwards.",
            )
        )
    return findings


def _refusal(specimen: Specimen, status: int) -> tuple[Grade, str, str]:
    if status == 400:
        return Grade.PASS, "", ""
    match status // 100:
        case 2:
            if specimen.is_must:
                return Grade.FAIL, f"Accepted, although {specimen.rule}.", specimen.fix
            return (
                Grade.WARN,
                f"Accepted, although {specimen.rule}; refusing it is recommended.",
                specimen.fix,
            )
        case 4:
            return Grade.WARN, "Refused, but the specification asks for 400 (§2.8).", "Answer 400."
        case 3:
            return Grade.FAIL, "A redirect is not a refusal (§2.8).", "Answer 400."
    return (
        Grade.FAIL,
        "The app fails on a bad token, which anyone can send.",
        f"Answer 400: {specimen.rule}.",
    )


def _milliseconds(response: OutboundResponse) -> int:
    return round(response.elapsed.total_seconds() * 1000)
