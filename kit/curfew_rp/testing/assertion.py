"""`assert_logs_out`: an app signs people out, whatever language it is written in."""

from collections.abc import Sequence

from curfew_rp.checking.app import App, CannotPlay
from curfew_rp.checking.finding import FAIL, PASS, Finding
from curfew_rp.checking.sessions import check_app
from curfew_rp.testing.party import ProviderParty
from curfew_rp.testing.provider import Client, Provider


def assert_logs_out(app: App, provider: Provider, client: Client, *, strict: bool = False) -> None:
    """Sign people in at an app and raise AssertionError unless Logout Tokens, and they alone, sign them out.

    Tries one good and thirteen bad tokens, a token that arrives before the sign-in's callback, and, if the
    app can be restarted, one that arrives after that. What a receiver only should do counts if `strict`.
    """
    try:
        findings = list(check_app(app, ProviderParty(provider, client)))
    except CannotPlay as exc:
        raise AssertionError(f"No one can be signed out of {app.page_url}: {exc}") from exc
    broken = [one for one in findings if one.grade == FAIL or (strict and one.grade != PASS)]
    if broken:
        raise AssertionError(describe(app, broken, of=len(findings)))


def describe(app: App, broken: Sequence[Finding], *, of: int) -> str:
    """Return what is wrong with an app, for the person who develops it."""
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
