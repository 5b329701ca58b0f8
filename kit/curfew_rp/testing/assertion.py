"""`assert_logs_out`: check that an app signs people out, whatever language it is written in."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from curfew_rp.checking import app as checking
from curfew_rp.checking.app import CannotPlay, Visitor
from curfew_rp.checking.finding import FAIL, PASS, Finding
from curfew_rp.checking.sessions import ENDED, check_app
from curfew_rp.testing.party import ProviderParty
from curfew_rp.testing.provider import Client, Provider, becomes_true


@dataclass(frozen=True, slots=True, kw_only=True)
class App(checking.App):
    """An app under test: its URLs, and its client at the provider of the tests."""

    provider: Provider
    client: Client


def assert_logs_out(
    app: App, *, strict: bool = False, notified_within: timedelta = timedelta(seconds=15)
) -> None:
    """Sign people in at an app; raise AssertionError unless Logout Tokens, and only they, sign them out.

    Tests one good and thirteen bad tokens, a token that arrives before the sign-in's callback, a sign-out at
    the provider and, if the app can be restarted, tokens after a restart. With `strict`, recommendations for
    receivers count as well. `notified_within`: how long the provider's own notification may take.
    """
    try:
        findings = list(_check(app, notified_within))
    except CannotPlay as exc:
        raise AssertionError(f"No one can be signed out of {app.page_url}: {exc}") from exc
    broken = [one for one in findings if one.grade == FAIL or (strict and one.grade != PASS)]
    if broken:
        raise AssertionError(describe(app, broken, of=len(findings)))


def _check(app: App, notified_within: timedelta) -> Iterator[Finding]:
    party = ProviderParty(app.provider, app.client)
    findings = list(check_app(app, party))
    yield from findings
    # If a token posted directly did not end a session, this one would not either.
    if any(one.check == "sign-out" and one.grade == PASS for one in findings):
        yield _ended_at_provider(app, party, notified_within)


def _ended_at_provider(app: App, party: ProviderParty, within: timedelta) -> Finding:
    """End a session at the provider, which then notifies the app."""
    app.provider.change_client(app.client, backchannel_logout_uri=app.backchannel_logout_uri)
    with closing(Visitor(app, party)) as ada:
        app.provider.end_session(ada.sign_in().sid)
        is_ended = becomes_true(lambda: not ada.is_signed_in(), within)
        return Finding(
            check="sign-out at the provider",
            grade=PASS if is_ended else FAIL,
            saw=f"the page {ada.saw}; deliveries: {_outcomes(app)}",
            rule="" if is_ended else f"the session goes on {within.total_seconds():g} s after it has ended",
            sent="the provider's own notification of a session that has ended there",
            expected=ENDED,
            section="§2.5",
        )


def _outcomes(app: App) -> list[str]:
    return [one["state"] for one in app.provider.deliveries(app.client)]


def describe(app: App, broken: Sequence[Finding], *, of: int) -> str:
    """Return a description of the app's failures, for its developer."""
    failed = f"{len(broken)} of {of} checks failed"
    head = f"{app.backchannel_logout_uri} does not sign people out as it must: {failed}."
    return "\n\n".join([head, *map(_paragraph, broken)])


def _paragraph(one: Finding) -> str:
    section = f" ({_specification(one.section)})" if one.section else ""
    return (
        f"{one.check}{section}: {one.rule}\n"
        f"    sent:     {one.sent}\n"
        f"    expected: {one.expected}\n"
        f"    came:     {one.saw}"
    )


def _specification(section: str) -> str:
    return section if section.startswith("RFC") else f"Back-Channel Logout 1.0 {section}"
