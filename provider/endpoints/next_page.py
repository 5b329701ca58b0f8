"""Send a person on after a sign-out: straight back to the app, or first to the result page.

The result page comes first when an app has not confirmed yet, so that no one takes an unfinished sign-out
for a finished one, or when the way back cannot be used. Its button leads back to the app.
"""

from provider.clients.models import ResultPage
from provider.endpoints.end_session_case import EndSessionCase
from provider.infrastructure.database import transaction
from provider.interactions.lifecycle import park
from provider.interactions.models import InteractionKind
from provider.interactions.queries import find
from provider.logout.models import Logout
from provider.logout.notification.progress import progress_of
from provider.web import cookies
from provider.web.after_logout import result_page_of

KIND = InteractionKind.RESULT


def next_page(case: EndSessionCase, result_handle: str, *, is_confirmed: bool) -> str:
    """Return where the person goes after a logout; `is_confirmed`: every app has confirmed."""
    if case.return_to and not _shows_result(case, is_confirmed=is_confirmed):
        return case.return_to
    if case.return_to or case.unusable:
        _keep(case, result_handle)
    return result_page_of(result_handle)


def next_page_again(case: EndSessionCase, logout: Logout, result_handle: str) -> str:
    """Return where a repeated request leads: decided as for the first, by the apps' present state."""
    is_confirmed = progress_of(logout.id).unconfirmed == 0
    if case.return_to and not _shows_result(case, is_confirmed=is_confirmed):
        return case.return_to
    return result_page_of(result_handle)


def kept_case(result_handle: str) -> EndSessionCase:
    """Return the case of a result page, if this browser requested the logout recently."""
    kept = find(result_handle, cookies.browser(), KIND)
    return EndSessionCase.of(kept) if kept else EndSessionCase()


def _shows_result(case: EndSessionCase, *, is_confirmed: bool) -> bool:
    if not case.redirects_back:
        return True
    match case.result_page:
        case ResultPage.ALWAYS:
            return True
        case ResultPage.NEVER:
            return False
    return not is_confirmed


def _keep(case: EndSessionCase, result_handle: str) -> None:
    """Keep the case for the result page; only a digest of the page's handle is stored."""
    with transaction():
        park(
            KIND,
            case.as_parameters(),
            browser=cookies.bind_browser(),
            answers=case.as_answers(),
            handle=result_handle,
        )
