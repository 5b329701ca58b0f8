"""Measure how long a running API admits calls after a logout is committed.

One thread calls the API without a pause while the session is ended. The span is from the response to the
logout, which the provider sends once it is committed, to the first refusal that the caller gets.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf

import requests

_CALLS_AFTERWARDS = 3
_TIMEOUT_SECONDS = 10.0
_COMMAND_TIMEOUT_SECONDS = 60.0
_REFUSED = 401


class ProbeFailed(Exception):
    """The event that was to be measured did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An access token for the API, and the one that ends its session."""

    api: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """One round: seconds from the committed logout to the first refusal, and the API's stated freshness."""

    seconds: float
    freshness: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All rounds: the median, the 99th percentile and the maximum, in seconds."""

    mode: str
    rounds: int
    p50: float
    p99: float
    longest: float


def measure(
    api_url: str,
    *,
    get_tokens: Callable[[], Tokens],
    end: Callable[[Tokens], None],
    rounds: int,
    give_up_after: float,
) -> Result:
    """Run the rounds, each with its own tokens; raises ProbeFailed, also if a refusal does not last."""
    lags = [_round(api_url, get_tokens(), end, give_up_after) for _ in range(rounds)]
    seconds = sorted(lag.seconds for lag in lags)
    return Result(
        mode=lags[0].freshness.partition(";")[0] or "unknown",
        rounds=rounds,
        p50=_percentile(seconds, 50),
        p99=_percentile(seconds, 99),
        longest=seconds[-1],
    )


class _Caller(threading.Thread):
    """Calls the API until it refuses, and then a few more times."""

    def __init__(self, api_url: str, token: str, give_up_after: float) -> None:
        super().__init__(daemon=True)
        self._url = api_url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._give_up_after = give_up_after
        self._gives_up_at = inf
        self.answered = threading.Event()
        self.was_let_in = False
        self.refused_at: float | None = None
        self.freshness = ""
        self.calls = 0
        self.problem = ""

    def run(self) -> None:
        """Call without a pause."""
        with requests.Session() as http:
            http.trust_env = False
            try:
                self._call_until_refused(http)
            except requests.RequestException as exc:
                self.problem = f"the API does not answer: {type(exc).__name__}"
        self.answered.set()

    def expect_refusal(self) -> float:
        """Start the time limit, now that the logout is over; return the instant."""
        now = time.monotonic()
        self._gives_up_at = now + self._give_up_after
        return now

    def first_refusal(self) -> float:
        """Wait for the thread; return the instant of the first refusal, or raise ProbeFailed."""
        self.join()
        if self.problem or self.refused_at is None:
            raise ProbeFailed(self.problem)
        return self.refused_at

    def _call_until_refused(self, http: requests.Session) -> None:
        afterwards = 0
        while afterwards < _CALLS_AFTERWARDS and not self.problem:
            response = http.get(self._url, headers=self._headers, timeout=_TIMEOUT_SECONDS)
            self.calls += 1
            if response.status_code == _REFUSED:
                self.refused_at = self.refused_at or time.monotonic()
                afterwards += 1
            elif not response.ok:
                self.problem = f"the API answered {response.status_code}"
            elif self.refused_at is not None:
                self.problem = "the API let a call in after it had refused one"
            elif time.monotonic() > self._gives_up_at:
                self.problem = f"the API still lets calls in after {self._give_up_after:g} s"
            else:
                self.freshness = response.headers.get("Token-Freshness", "")
                self.was_let_in = True
                self.answered.set()


def _round(api_url: str, tokens: Tokens, end: Callable[[Tokens], None], give_up_after: float) -> Lag:
    caller = _Caller(api_url, tokens.api, give_up_after)
    caller.start()
    caller.answered.wait()
    if not caller.was_let_in:
        raise ProbeFailed(caller.problem or "the API refused the token before the logout")
    try:
        end(tokens)
    finally:
        committed_at = caller.expect_refusal()
    # The refusal may overtake the logout's own response.
    seconds = max(caller.first_refusal() - committed_at, 0.0)
    return Lag(seconds=seconds, freshness=caller.freshness, calls=caller.calls)


def tokens_by_command(command: str) -> Tokens:
    """Run a command that prints an access token, and, on a second line, the one that ends the session."""
    lines = _run(command, {}).split()
    if not lines:
        raise ProbeFailed("the token command printed nothing")
    return Tokens(api=lines[0], end=lines[-1])


def end_by_request(url: str, tokens: Tokens) -> None:
    """End the session by a POST with its token, such as Curfew's /account/sign-out-everywhere."""
    headers = {"Authorization": f"Bearer {tokens.end}"}
    try:
        response = requests.post(url, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as exc:
        raise ProbeFailed(f"the logout did not work: {type(exc).__name__}") from exc
    if not response.ok:
        raise ProbeFailed(f"the logout was answered {response.status_code}")


def end_by_command(command: str, tokens: Tokens) -> None:
    """End the session with a command, which gets the token in CURFEW_RP_TOKEN."""
    _run(command, {"CURFEW_RP_TOKEN": tokens.end})


def _run(command: str, environ: dict[str, str]) -> str:
    # The command is the operator's own, from the command line.
    done = subprocess.run(  # noqa: S602
        command,
        shell=True,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=_COMMAND_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ProbeFailed(f"the command ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the percentile by nearest rank."""
    return ordered[ceil(len(ordered) * percent / 100) - 1]
