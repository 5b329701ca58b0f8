"""Sign people in at an app, and check whether Logout Tokens sign them out, in order and out of order."""

from collections.abc import Iterator
from contextlib import closing

from curfew_rp.checking.app import App, Visitor
from curfew_rp.checking.check import check, judge_good, post
from curfew_rp.checking.finding import FAIL, PASS, REFUSED, SUCCESS, WARN, Finding
from curfew_rp.checking.party import Party, SignedIn

ENDED = "the page no longer shows the person"


def check_app(app: App, party: Party) -> Iterator[Finding]:
    """Test an app from sign-in to sign-out. Raises CannotPlay if signing in is impossible."""
    with closing(Visitor(app, party)) as visitor:
        if visitor.is_signed_in():
            yield _unprotected(app, visitor)
            return
    yield from _bad_tokens(app, party)
    yield from _in_order(app, party)
    yield _too_early(app, party)
    if app.restart is not None:
        yield from _restarted(app, party)


def _unprotected(app: App, visitor: Visitor) -> Finding:
    return Finding(
        check="page",
        grade=FAIL,
        saw=f"{app.page_url} {visitor.saw} without a sign-in",
        rule="a page that everyone gets does not show whether a person is signed out",
        sent="a request of a browser that never signed in",
        expected="a redirect, 401 or 403",
    )


def _bad_tokens(app: App, party: Party) -> Iterator[Finding]:
    """Send a receiver the tokens; the bad ones name the session of a person who must stay signed in."""
    with closing(Visitor(app, party)) as ada:
        ada.sign_in()
        for finding in check(app.backchannel_logout_uri, party, lambda: ada.names):
            yield finding
            if ada.is_signed_in():
                continue
            if finding.grade == PASS:
                yield _signed_out_by(finding, ada)
            ada.sign_in()


def _signed_out_by(finding: Finding, visitor: Visitor) -> Finding:
    return Finding(
        check=f"{finding.check}: the session",
        grade=FAIL,
        saw=f"the page {visitor.saw}",
        rule="a token that is refused changes nothing",
        sent=finding.sent,
        expected="the person stays signed in",
        section=finding.section,
    )


def _in_order(app: App, party: Party) -> Iterator[Finding]:
    with closing(Visitor(app, party)) as ada, closing(Visitor(app, party)) as ben:
        signed_in = ada.sign_in()
        ben.sign_in()
        yield _ends(app, party, ada, signed_in, name="sign-out", sent="a good Logout Token of a live session")
        stays = ben.is_signed_in()
        yield Finding(
            check="other people",
            grade=PASS if stays else FAIL,
            saw=f"the page of another person {ben.saw}",
            rule="" if stays else "a token ends the sessions that it names and no others",
            sent="a good Logout Token of another person's session",
            expected="the other person stays signed in",
            section="§2.7",
        )


def _too_early(app: App, party: Party) -> Finding:
    """Send the token while the browser is on its way back: the app does not know the session yet."""
    with closing(Visitor(app, party)) as ada:
        callback, signed_in = ada.come_back()
        status, saw = post(app.backchannel_logout_uri, _token(party, signed_in))
        ada.open(callback)
        is_ended = not ada.is_signed_in()
        good = status in SUCCESS and is_ended
        return Finding(
            check="too early",
            grade=PASS if good else FAIL,
            saw=f"the token was {saw}, then the page {ada.saw}",
            rule="" if good else "a logout that arrives before the session is stored must be remembered",
            sent="a good Logout Token, before the sign-in's callback has stored the session that it names",
            expected=f"200 or 204, and after the callback {ENDED}",
            section="§2.7",
        )


def _restarted(app: App, party: Party) -> Iterator[Finding]:
    """Restart the app between one person's sign-in and sign-out, and after another person's sign-out."""
    with closing(Visitor(app, party)) as ada, closing(Visitor(app, party)) as ben:
        signed_in = ada.sign_in()
        ended = ben.sign_in()
        used = _token(party, ended)
        post(app.backchannel_logout_uri, used)
        if app.restart is not None:
            app.restart()
        yield _ends(
            app,
            party,
            ada,
            signed_in,
            name="restart",
            sent="a good Logout Token of a session that began before a restart of the app",
        )
        yield _stays_ended(ben)
        yield _replayed(*post(app.backchannel_logout_uri, used))


def _stays_ended(visitor: Visitor) -> Finding:
    is_ended = not visitor.is_signed_in()
    return Finding(
        check="restart: ended sessions",
        grade=PASS if is_ended else FAIL,
        saw=f"the page {visitor.saw}",
        rule="" if is_ended else "a session that was ended must stay so after a restart",
        sent="a request with the cookies of a session that was ended before the restart",
        expected=ENDED,
        section="§2.7",
    )


def _replayed(status: int | None, saw: str) -> Finding:
    is_refused = status == REFUSED
    return Finding(
        check="restart: replayed jti",
        grade=PASS if is_refused else WARN,
        saw=saw,
        rule="" if is_refused else "the app has forgotten which tokens it had accepted",
        sent="the token again that was accepted before the restart",
        expected=str(REFUSED),
        section="§2.6 (8)",
    )


def _ends(app: App, party: Party, visitor: Visitor, signed_in: SignedIn, *, name: str, sent: str) -> Finding:
    status, saw = post(app.backchannel_logout_uri, _token(party, signed_in))
    accepted = judge_good(name, status, saw, sent=sent)
    if accepted.grade == FAIL:
        return accepted
    is_ended = not visitor.is_signed_in()
    return Finding(
        check=name,
        grade=PASS if is_ended else FAIL,
        saw=f"{saw}, then the page {visitor.saw}",
        rule="" if is_ended else "the token was accepted, but the session goes on",
        sent=sent,
        expected=f"200 or 204, and {ENDED}",
        section="§2.7",
    )


def _token(party: Party, signed_in: SignedIn) -> str:
    return party.sign(party.claims() | signed_in.names)
