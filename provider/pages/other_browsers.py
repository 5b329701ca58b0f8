"""Sign out of all other browsers and devices: the question with what would end, and the answer."""

from flask import request
from werkzeug.wrappers import Response

from provider.accounts.queries import lock
from provider.infrastructure.database import in_transaction
from provider.infrastructure.opaque_tokens import new_handle
from provider.logout.notification.progress import find_by_result_handle
from provider.logout.others import end_others
from provider.logout.preview import preview_others
from provider.logout.steps import Cause, LogoutOutcome
from provider.pages.account_sign_out import cause_of, show_result, signed_out_already
from provider.pages.parked import ask_to_sign_in
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.after_logout import result_handle_of
from provider.web.current_session import current_session, note_use
from provider.web.layout import page
from provider.web.route import Route


def show() -> Response:
    """Show which sessions would end, and ask for confirmation."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("others")
    note_use(found)
    preview = preview_others(found.session)
    return page(
        "account_others.html",
        account=found.account,
        own=found.session,
        preview=preview,
        # One form is one sign-out, however often it is sent.
        once=new_handle(),
        csrf=csrf.token_for(_purpose(found)),
    )


def submit() -> Response:
    """End every session of the person but this one."""
    found = current_session()
    if found is None:
        return signed_out_already()
    csrf.check(_purpose(found))
    result_handle = result_handle_of(f"account others {found.session.id} {request.form.get('once', '')}")
    cause = cause_of(result_handle, asked_in=found)
    return show_result(in_transaction(lambda: _end(found, cause, result_handle)), result_handle)


def _end(found: FoundSession, cause: Cause, result_handle: str) -> LogoutOutcome | None:
    # Of several concurrent requests, one ends the sessions; the others wait here for the lock and find it
    # done. A request whose own session has ended in the meantime ends nothing either.
    account = lock(found.account.id)
    if account is None or current_session() is None or find_by_result_handle(result_handle):
        return None
    return end_others(account, found.session, cause, keep_offline=True)


def _purpose(found: FoundSession) -> str:
    return f"account others {found.session.id}"


ROUTES = (
    Route(rule="/account/others", name="other_browsers", view=show),
    Route(rule="/account/others", name="other_browsers_submit", view=submit, methods=("POST",)),
)
