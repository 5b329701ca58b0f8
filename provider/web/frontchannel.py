"""The redirect after a logout, by way of the page that loads the apps' front-channel pages."""

from flask import url_for

from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.interactions.lifecycle import park
from provider.interactions.models import InteractionKind
from provider.logout.notification.front_channel import list_frames
from provider.logout.steps import LogoutOutcome
from provider.web import cookies


def via_front_channel(outcome: LogoutOutcome, target: str) -> str:
    """Return where this browser goes after a logout: to the target, or first to the front-channel page.

    That page comes first if Front-Channel Logout is on and an app of this browser takes part in it.
    """
    if not current.settings().frontchannel_logout:
        return target
    handle = outcome.result_handle
    is_result = target == url_for("endpoints.show_session_ended", handle=handle)
    with transaction():
        frames = list_frames(outcome.logout, handle=cookies.session_handle())
        if not frames:
            return target
        # Parked so that no one else can forge them, above all the address that follows. The result page's
        # address is not stored, because only a digest of its handle is kept.
        parked = {
            "frames": frames,
            "return_to": None if is_result else target,
            "scope": outcome.logout.scope,
        }
        ticket = park(InteractionKind.FRONTCHANNEL, parked, browser=cookies.bind_browser())
    return url_for("endpoints.frontchannel_logout", handle=handle, ticket=ticket)
