"""The password page: a person changes their own password, which signs out every other browser."""

from dataclasses import dataclass, field
from enum import StrEnum

from flask import request
from werkzeug.wrappers import Response

from provider.accounts.models import Account
from provider.accounts.password_rules import PasswordRule
from provider.authentication import known_browser, password_change
from provider.authentication.browser import Browser
from provider.authentication.guesses import TooMany
from provider.authentication.password import Refusal
from provider.authentication.password_change import ChangedMeanwhile, NotChanged
from provider.infrastructure import current, event_log
from provider.infrastructure.database import in_transaction, reading
from provider.logout.steps import LogoutOutcome
from provider.pages import too_many
from provider.pages.parked import ask_to_sign_in
from provider.pages.password_words import rule_in_words
from provider.sessions.queries import FoundSession
from provider.web import cookies, csrf
from provider.web.after_logout import result_page_of
from provider.web.current_session import current_session
from provider.web.i18n import gettext as _
from provider.web.layout import page
from provider.web.redirects import redirect
from provider.web.route import Route
from provider.web.this_browser import this_browser


class Mistyped(StrEnum):
    """Problems of the form that are found before a password is checked."""

    INCOMPLETE = "incomplete"
    DIFFERENT = "different"


Why = Mistyped | NotChanged | PasswordRule | Refusal | TooMany


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The input of a form."""

    current: str = field(repr=False)
    new: str = field(repr=False)
    again: str = field(repr=False)


def show() -> Response:
    """Show the form."""
    found = current_session()
    return _form(found) if found else ask_to_sign_in("password")


def submit() -> Response:
    """Change the password; this browser gets a new session handle, the others are signed out."""
    # No connection is held while passwords are hashed.
    with reading():
        browser = this_browser()
    found = browser.session
    if found is None:
        return ask_to_sign_in("password")
    csrf.check(_purpose(found))
    typed = Typed(
        current=request.form.get("current", ""),
        new=request.form.get("new", ""),
        again=request.form.get("again", ""),
    )
    why = _refuse(typed, found, browser)
    if why is None:
        changed = _change(found, browser, password_change.hash_of(typed.new, found))
        if changed is not None:
            outcome, handle = changed
            cookies.keep_session(handle)
            # The new password has invalidated the proofs that this browser held.
            cookies.keep_browser_proofs(known_browser.proofs_after(found.account, browser.proofs))
            event_log.info("password_changed", account_id=found.account.id)
            return redirect(result_page_of(outcome.result_handle))
        why = NotChanged.CHANGED_MEANWHILE
    event_log.info("password_change_refused", account_id=found.account.id, reason=why)
    return _form(found, why)


def _refuse(typed: Typed, found: FoundSession, browser: Browser) -> Why | None:
    """Return why the password cannot be changed, or None; cheap checks come first."""
    if not (typed.current and typed.new):
        return Mistyped.INCOMPLETE
    if typed.new != typed.again:
        return Mistyped.DIFFERENT
    return password_change.refusal_of(found, browser, current=typed.current, new=typed.new)


def _change(found: FoundSession, browser: Browser, new_hash: str) -> tuple[LogoutOutcome, str] | None:
    try:
        return in_transaction(lambda: password_change.carry_out(found, browser, new_hash))
    except ChangedMeanwhile:
        return None


def _form(found: FoundSession, why: Why | None = None) -> Response:
    response = page(
        "password.html",
        status=_status_of(why),
        account=found.account,
        least=current.settings().password_min_length,
        sentence=_in_words(why, found.account) if why else None,
        wrong_field=_field_of(why) if why else None,
        csrf=csrf.token_for(_purpose(found)),
    )
    if isinstance(why, TooMany):
        response.headers["Retry-After"] = str(too_many.seconds_to_wait(found.account.username, why))
    return response


def _purpose(found: FoundSession) -> str:
    return f"password {found.session.id}"


def _status_of(why: Why | None) -> int:
    match why:
        case None:
            return 200
        case TooMany():
            return 429
        # SEC-606: without the current password nothing is changed.
        case Refusal.WRONG:
            return 403
        case NotChanged.CHANGED_MEANWHILE:
            return 409
        case _:
            return 400


def _field_of(why: Why) -> str | None:
    """Return the field that the sentence is about."""
    match why:
        case Refusal.WRONG:
            return "current"
        case Mistyped.DIFFERENT:
            return "again"
        case PasswordRule() | NotChanged.SAME:
            return "new"
        case _:
            return None


def _in_words(why: Why, account: Account) -> str:
    match why:
        case PasswordRule():
            return rule_in_words(why)
        case Mistyped.DIFFERENT:
            return _("The two new passwords do not match.")
        case NotChanged.SAME:
            return _("This is already your password. Choose another one.")
        case NotChanged.CHANGED_MEANWHILE:
            return _("Your password or your sign-in changed in the meantime. Nothing was changed here.")
        case TooMany():
            return too_many.in_words(why, account.username)
        case Refusal.WRONG:
            return _("The current password is incorrect.")
        case _:
            return _("Enter your current password and a new one.")


ROUTES = (
    Route(rule="/account/password", name="password", view=show),
    Route(rule="/account/password", name="password_submit", view=submit, methods=("POST",)),
)
