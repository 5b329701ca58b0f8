"""Post the tokens to a receiver, and judge its responses (backchannel §2.6, §2.8)."""

from collections.abc import Callable, Iterator

import requests

from curfew_rp.checking.finding import FAIL, PASS, REFUSED, SERVER_ERROR, SUCCESS, WARN, Finding
from curfew_rp.checking.party import Claims, Party
from curfew_rp.checking.tokens import BadToken, bad_tokens

_TIMEOUT_SECONDS = 10.0
_GOOD = "a good Logout Token of a session that the app does not know"


def check(url: str, party: Party, names: Callable[[], Claims] = dict) -> Iterator[Finding]:
    """Test a receiver; if it rejects the good token, the bad ones prove nothing and are skipped.

    `names` returns the claims that identify the session of the next bad token; by default one that never
    existed.
    """
    good = party.sign(party.claims())
    accepted = judge_good("good token", *post(url, good), sent=_GOOD)
    yield accepted
    if accepted.grade == FAIL:
        return
    for bad in bad_tokens(party, good, names):
        yield _judge_bad(bad, *post(url, bad.token))


def judge_good(name: str, status: int | None, saw: str, *, sent: str) -> Finding:
    """Judge the response to a valid token."""
    is_accepted = status in SUCCESS
    return Finding(
        check=name,
        grade=PASS if is_accepted else FAIL,
        saw=saw,
        rule=""
        if is_accepted
        else "a valid token of an unknown session is a success; check the receiver's issuer and client_id",
        sent=sent,
        expected="200 or 204",
        section="§2.7, §2.8",
    )


def post(url: str, token: str) -> tuple[int | None, str]:
    """Post a token as a provider does; return the status, or None, and a description."""
    with requests.Session() as http:
        http.trust_env = False
        try:
            response = http.post(
                url, data={"logout_token": token}, timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as exc:
            return None, f"no response ({type(exc).__name__})"
    return response.status_code, f"answered {response.status_code}"


def _judge_bad(bad: BadToken, status: int | None, saw: str) -> Finding:
    grade, rule = _grade_of_bad(bad, status)
    return Finding(
        check=bad.name,
        grade=grade,
        saw=saw,
        rule=rule,
        sent=f"a token that {'must' if bad.is_must else 'should'} be refused: {bad.rule}",
        expected=str(REFUSED),
        section=bad.section,
    )


def _grade_of_bad(bad: BadToken, status: int | None) -> tuple[str, str]:
    if status == REFUSED:
        return PASS, ""
    if status is None or status >= SERVER_ERROR:
        return (
            FAIL,
            f"{bad.rule}: answer 400, or the provider tries again for days",
        )
    if status in SUCCESS:
        return FAIL if bad.is_must else WARN, f"accepted, though {bad.rule}"
    return WARN, f"{bad.rule}: refused, but by another status than 400"
