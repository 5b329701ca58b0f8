"""The output of the running demo: one readable line for each sign-in, logout and delivery attempt."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from provider.cli.plain_text import neutral

Fields = Mapping[str, Any]

_COLOURS = {"red": "red", "green": "green", "blue": "blue"}
_REASONS = {
    "rp_initiated": "asked by the app",
    "user": "asked by the person",
    "admin": "ended by an administrator",
    "idle_timeout": "unused for too long",
    "absolute_timeout": "too old",
    "password_changed": "password changed",
    "password_reset": "password reset",
    "account_disabled": "account disabled",
    "account_deleted": "account deleted",
    "session_replaced": "another person signed in",
    "refresh_replay": "a refresh token was used twice",
    "code_replay": "a code was used twice",
    "consent_withdrawn": "consent withdrawn",
    "session_limit": "too many sessions at once",
    "global_token_revocation": "asked by another provider",
    "unknown_session": "asked by the app for a session that is not known here",
}
_REFUSALS = {
    "incomplete": "user name or password was missing",
    "wrong": "user name or password was incorrect",
    "too_many": "too many attempts",
    "slowed": "too many attempts in many networks",
}
_SCOPES = {
    "app": "one app",
    "browser": "this browser",
    "everywhere": "everywhere",
    "others": "every other browser",
}


class Narrator:
    """Turns the JSON lines of the demo's processes into lines for people."""

    def __init__(self, console: Console, people: Mapping[str, str]) -> None:
        self._console = console
        self._people = people

    def hear(self, speaker: str, line: str) -> None:
        """Print the meaning of a line from a process; lines of no interest to people stay in the log file."""
        try:
            fields = json.loads(line)
        except ValueError:
            return
        if not isinstance(fields, dict) or "event" not in fields:
            return
        if tell := _STORIES.get(str(fields["event"])):
            self._print(_time_of(fields), *tell(fields, self._people))
        elif fields.get("level") in {"warning", "error", "critical"}:
            self._print(_time_of(fields), "attention", f"{speaker}: {_problem(fields)}", "yellow")

    def say(self, sentence: str) -> None:
        """Print a line about the demo itself."""
        self._print(datetime.now().astimezone(), "demo", sentence, "yellow")

    def _print(self, at: datetime, what: str, sentence: str, colour: str = "") -> None:
        line = Text(f"{at:%H:%M:%S}  ", style="dim")
        line.append(f"{what:<10}", style=f"bold {colour}".strip())
        line.append(neutral(sentence))
        for name, style in _COLOURS.items():
            line.highlight_words([name], style)
        self._console.print(line, soft_wrap=True)


def _signed_in(fields: Fields, _people: Mapping[str, str]) -> tuple[str, str, str]:
    return "sign-in", f"{fields.get('name') or 'someone'} signed in at {fields.get('rp', '?')}", "green"


def _refused(fields: Fields, _people: Mapping[str, str]) -> tuple[str, str, str]:
    why = _REFUSALS.get(str(fields.get("reason")), str(fields.get("reason")))
    return "refused", f"a sign-in for {fields.get('client_id', '?')}: {why}", "yellow"


def _ended(fields: Fields, people: Mapping[str, str]) -> tuple[str, str, str]:
    who = people.get(str(fields.get("account_id")), "a person")
    scope = _SCOPES.get(str(fields.get("scope")), str(fields.get("scope")))
    apps = _count(fields, "apps_to_notify", "app")
    counts = f"{_count(fields, 'sessions_ended', 'session')} ended, {apps} to notify"
    return "sign-out", f"{who}, {scope} ({_why(fields)}): {counts}", "magenta"


def _why(fields: Fields) -> str:
    reason = _REASONS.get(str(fields.get("reason")), str(fields.get("reason")))
    # An app may end a session on its own if it proves whose it is; otherwise our page asks.
    if fields.get("reason") == "rp_initiated" and fields.get("initiator") == "account":
        return f"{reason}, confirmed by the person"
    return reason


def _attempted(fields: Fields, _people: Mapping[str, str]) -> tuple[str, str, str]:
    app, state = fields.get("client_id", "?"), fields.get("state")
    status, outcome = fields.get("status"), fields.get("outcome", "no response")
    response = f"HTTP {status}" if status else str(outcome)
    if state == "accepted":
        return "notified", f"{app} was notified ({response}, {fields.get('latency_ms', '?')} ms)", "green"
    ahead = f"again at {_clock(fields['next_attempt_at'])}" if fields.get("next_attempt_at") else str(state)
    return "not yet", f"{app}, attempt {fields.get('attempt', '?')}: {response}; {ahead}", "yellow"


_STORIES: dict[str, Callable[[Fields, Mapping[str, str]], tuple[str, str, str]]] = {
    "rp_signed_in": _signed_in,
    "sign_in_refused": _refused,
    "logout": _ended,
    "delivery_attempted": _attempted,
}


def _count(fields: Fields, name: str, noun: str) -> str:
    count = fields.get(name, 0)
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _problem(fields: Fields) -> str:
    skipped = {"at", "level", "event", "logger", "correlation_id", "exception"}
    rest = ", ".join(f"{name}={value}" for name, value in fields.items() if name not in skipped)
    exception = str(fields.get("exception", "")).strip().rsplit("\n", 1)[-1]
    return " ".join(part for part in (str(fields["event"]), rest, exception) if part)


def _clock(instant: object) -> str:
    return f"{datetime.fromisoformat(str(instant)).astimezone():%H:%M:%S}"


def _time_of(fields: Fields) -> datetime:
    try:
        return datetime.fromisoformat(str(fields["at"])).astimezone()
    except (KeyError, ValueError):
        return datetime.now().astimezone()
