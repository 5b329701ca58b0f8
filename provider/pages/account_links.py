"""Pages behind one-time links: the first administrator, and a new password after a reset.

Opening a link changes nothing, because mail scanners and previews open links as well; only submitting the
form does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import request
from werkzeug.wrappers import Response

from provider.accounts.models import Account
from provider.accounts.names import MAX_LENGTH, InvalidUsername
from provider.accounts.password_rules import UnusablePassword
from provider.accounts.passwords import TooBusy
from provider.accounts.register import UsernameTaken
from provider.administration import accounts, roles
from provider.administration.roles import LinkInvalid
from provider.infrastructure import current, event_log
from provider.infrastructure.database import in_transaction, reading
from provider.pages.password_words import rule_in_words
from provider.protocol.errors import TemporarilyUnavailable
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.current_session import current_session
from provider.web.i18n import gettext as _
from provider.web.layout import page
from provider.web.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class _Typed:
    """The input of a form."""

    username: str
    new: str = field(repr=False)
    again: str = field(repr=False)

    @classmethod
    def read(cls) -> "_Typed":
        read = request.form.get
        return cls(username=read("username", ""), new=read("new", ""), again=read("again", ""))


def show_first(handle: str) -> Response:
    """Show how to become the first administrator."""
    with reading():
        is_good, found = roles.is_offer_good(handle), current_session()
    return _first_form(handle, found) if is_good else _invalid()


def submit_first(handle: str) -> Response:
    """Make the person of this browser, or a new one, the first administrator."""
    with reading():
        is_good, found = roles.is_offer_good(handle), current_session()
    if not is_good:
        return _invalid()
    csrf.check(_purpose(handle, found))
    if found is not None:
        person = found.account
        return _concluded(lambda: roles.become_first(handle, person), _is_administrator)
    typed = _Typed.read()
    if not typed.username.strip() or not typed.new or typed.new != typed.again:
        return _first_form(handle, None, typed, _("Enter a user name, and the password twice."))
    try:
        return _concluded(lambda: roles.add_first(handle, typed.username, typed.new), _is_administrator)
    except UnusablePassword as exc:
        return _first_form(handle, None, typed, rule_in_words(exc.rule))
    except (InvalidUsername, UsernameTaken):
        return _first_form(handle, None, typed, _("This user name cannot be used. Choose another one."))


def show_new_password(handle: str) -> Response:
    """Ask for the new password."""
    with reading():
        account = accounts.find_resetting(handle)
    return _password_form(handle, account) if account else _invalid()


def submit_new_password(handle: str) -> Response:
    """Set the new password, once."""
    with reading():
        account = accounts.find_resetting(handle)
    if account is None:
        return _invalid()
    csrf.check(_purpose(handle, None))
    typed = _Typed.read()
    if not typed.new or typed.new != typed.again:
        return _password_form(handle, account, _("Enter the new password twice."))
    try:
        return _concluded(lambda: _finish_reset(handle, account, typed.new), _is_set)
    except UnusablePassword as exc:
        return _password_form(handle, account, rule_in_words(exc.rule))


def _finish_reset(handle: str, account: Account, password: str) -> None:
    if accounts.finish_reset(handle, account, password) is None:
        raise LinkInvalid("the link is no longer valid")


def _concluded(act: Callable[[], object], done: Callable[[], Response]) -> Response:
    try:
        in_transaction(act)
    except LinkInvalid:
        return _invalid()
    except TooBusy as exc:
        raise TemporarilyUnavailable("too many sign-ins at the moment; try again") from exc
    event_log.info("account_link_used", endpoint=request.endpoint)
    return done()


def _purpose(handle: str, found: FoundSession | None) -> str:
    """A form that was shown to one person is not valid in another person's session."""
    return f"account link {handle} {found.session.id if found else ''}"


def _first_form(
    handle: str, found: FoundSession | None, typed: _Typed | None = None, sentence: str | None = None
) -> Response:
    return page(
        "first_administrator.html",
        status=400 if sentence else 200,
        account=found.account if found else None,
        username=typed.username[:MAX_LENGTH] if typed else "",
        least=current.settings().password_min_length,
        sentence=sentence,
        csrf=csrf.token_for(_purpose(handle, found)),
    )


def _password_form(handle: str, account: Account, sentence: str | None = None) -> Response:
    return page(
        "new_password.html",
        status=400 if sentence else 200,
        account=account,
        least=current.settings().password_min_length,
        sentence=sentence,
        csrf=csrf.token_for(_purpose(handle, None)),
    )


def _is_administrator() -> Response:
    return page("account_link_used.html", purpose="first_administrator")


def _is_set() -> Response:
    return page("account_link_used.html", purpose="new_password")


def _invalid() -> Response:
    return page("account_link_used.html", status=404, purpose="invalid")


_FIRST, _NEW_PASSWORD = (
    "/account/first-administrator/<handle:handle>",
    "/account/new-password/<handle:handle>",
)
ROUTES = (
    Route(rule=_FIRST, name="first_administrator", view=show_first),
    Route(rule=_FIRST, name="first_administrator_submit", view=submit_first, methods=("POST",)),
    Route(rule=_NEW_PASSWORD, name="new_password", view=show_new_password),
    Route(rule=_NEW_PASSWORD, name="new_password_submit", view=submit_new_password, methods=("POST",)),
)
