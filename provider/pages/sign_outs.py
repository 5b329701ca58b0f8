"""A person's own past sign-outs with their receipts; another person's is not found (SEC-801)."""

from uuid import UUID

from flask import request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.inspection import receipt as receipts
from provider.logout.detail import Filter, count_notifications, find_logout, list_logouts
from provider.logout.models import Logout
from provider.pages.parked import ask_to_sign_in
from provider.web.current_session import current_session, note_use
from provider.web.cursors import read_cursor
from provider.web.layout import page
from provider.web.parameters import read_parameters
from provider.web.receipt_file import receipt_file
from provider.web.route import Route, Speaks

_ROWS = 20


def show() -> Response:
    """Show the person's past sign-outs, newest first."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("sign_outs")
    note_use(found)
    after = read_cursor("after", read_parameters(request).get("after"))
    before = _own(after, found.account.id) if after else None
    logouts = [one for one, _ in list_logouts(Filter(account_id=found.account.id), _ROWS + 1, before=before)]
    shown = logouts[:_ROWS]
    return page(
        "account_sign_outs.html",
        account=found.account,
        logouts=shown,
        states=count_notifications([one.id for one in shown]),
        next_url=url_for("pages.sign_outs", after=shown[-1].id) if len(logouts) > _ROWS else None,
    )


def receipt(logout_id: UUID) -> Response:
    """Return the receipt of one of the person's sign-outs as a file."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("sign_outs")
    note_use(found)
    made = receipts.make(logout_id, of_account=found.account.id)
    if made is None:
        raise NotFound
    return receipt_file(made)


def _own(logout_id: UUID, account_id: UUID) -> Logout:
    logout = find_logout(logout_id)
    if logout is None or logout.account_id != account_id:
        raise NotFound
    return logout


ROUTES = (
    Route(rule="/account/sign-outs", name="sign_outs", view=show),
    Route(
        rule="/account/sign-outs/<uuid:logout_id>/receipt",
        name="sign_out_receipt",
        view=receipt,
        speaks=Speaks.FILE,
    ),
)
