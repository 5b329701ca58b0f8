"""Where a person goes on after a sign-out: straight back to the app, or first to the page of results.

The page of results comes first when an app has not confirmed yet, so that nobody believes in a sign-out
that is still going on, or when the way back cannot be used. Its button leads back to the app.
"""

from provider.clients.models import ResultPage
from provider.endpoints.end_session_case import EndSessionCase
from provider.infrastructure.database import transaction
from provider.interactions.models import InteractionKind
from provider.interactions.park import park
from provider.interactions.queries import find
from provider.logout.models import Logout
from provider.logout.notification.results import progress_of
from provider.web import cookies
from provider.web.after_ending import result_page_of

KIND = InteractionKind.RESULT


def way_on(case: EndSessionCase, result_handle: str, *, is_confirmed: bool) -> str:
    """Return where the person goes on after an ending; `is_confirmed`: every app has confirmed."""
    if case.return_to and not _shows_result(case, is_confirmed=is_confirmed):
        return case.return_to
    if case.return_to or case.unusable:
        _keep(case, result_handle)
    return result_page_of(result_handle)


def way_on_again(case: EndSessionCase, logout: Logout, result_handle: str) -> str:
    """Return where a repeated request leads: the same way as the first, by what the apps have said since."""
    is_confirmed = progress_of(logout.id).unconfirmed == 0
    if case.return_to and not _shows_result(case, is_confirmed=is_confirmed):
        return case.return_to
    return result_page_of(result_handle)


def kept_case(result_handle: str) -> EndSessionCase:
    """Return the case that a page of results belongs to, if this browser asked for it and not long ago."""
    kept = find(result_handle, cookies.browser(), KIND)
    return EndSessionCase.of(kept) if kept else EndSessionCase()


def _shows_result(case: EndSessionCase, *, is_confirmed: bool) -> bool:
    if not case.leads_straight_back:
        return True
    match case.result_page:
        case ResultPage.ALWAYS:
            return True
        case ResultPage.NEVER:
            return False
    return not is_confirmed


def _keep(case: EndSessionCase, result_handle: str) -> None:
    """Keep what the page of results needs of the request; only the digest of its address is stored."""
    with transaction():
        park(
            KIND,
            case.as_parameters(),
            browser=cookies.bind_browser(),
            answers=case.as_answers(),
            handle=result_handle,
        )
