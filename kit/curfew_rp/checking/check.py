"""Posts the tokens to a receiver, and judges its answers (backchannel §2.6, §2.8)."""

from collections.abc import Iterator
from dataclasses import dataclass

import requests

from curfew_rp.checking.issuer import Issuer
from curfew_rp.checking.tokens import bad_tokens

_TIMEOUT_SECONDS = 10.0
_SUCCESS = (200, 204)
_REFUSED = 400
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: `grade` is pass, warn or fail."""

    check: str
    grade: str
    saw: str
    rule: str = ""


def check(url: str, issuer: Issuer) -> Iterator[Finding]:
    """Try a receiver; if it refuses the good token, the bad ones prove nothing and are left out."""
    good = issuer.sign(issuer.claims())
    with requests.Session() as http:
        http.trust_env = False
        accepted = _judge_good(*_post(http, url, good))
        yield accepted
        if accepted.grade == "fail":
            return
        for bad in bad_tokens(issuer, good):
            status, saw = _post(http, url, bad.token)
            yield _judge_bad(bad.name, bad.rule, bad.is_must, status, saw)


def _judge_good(status: int | None, saw: str) -> Finding:
    if status in _SUCCESS:
        return Finding(check="good token", grade="pass", saw=saw)
    rule = "a valid token of an unknown session is a success; check the receiver's issuer and client_id"
    return Finding(check="good token", grade="fail", saw=saw, rule=rule)


def _judge_bad(name: str, rule: str, is_must: bool, status: int | None, saw: str) -> Finding:
    if status == _REFUSED:
        return Finding(check=name, grade="pass", saw=saw)
    if status is None or status >= _SERVER_ERROR:
        told = f"{rule}: a client's mistake is answered by 400, or the provider tries again for days"
        return Finding(check=name, grade="fail", saw=saw, rule=told)
    if status in _SUCCESS:
        return Finding(
            check=name, grade="fail" if is_must else "warn", saw=saw, rule=f"accepted, though {rule}"
        )
    return Finding(check=name, grade="warn", saw=saw, rule=f"{rule}: refused, but by another status than 400")


def _post(http: requests.Session, url: str, token: str) -> tuple[int | None, str]:
    """Post a token as a provider does; returns the status, if there is one, and what was seen."""
    try:
        answer = http.post(url, data={"logout_token": token}, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as exc:
        return None, f"no answer ({type(exc).__name__})"
    return answer.status_code, f"answered {answer.status_code}"
