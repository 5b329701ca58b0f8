"""The way from an ending to where the person goes on, past the front-channel pages of the apps."""

from flask import url_for

from provider.infrastructure import current
from provider.infrastructure.database import transaction
from provider.interactions.models import InteractionKind
from provider.interactions.park import park
from provider.logout.ending import LogoutOutcome
from provider.logout.notification.front_channel import list_frames
from provider.web import cookies


def by_way_of_frames(outcome: LogoutOutcome, target: str) -> str:
    """Return where this browser goes after it ended something of its own: to the target, sooner or later.

    Where Front-Channel Logout is offered and an app of this browser takes part, a page that loads the
    apps' own pages comes first.
    """
    if not current.settings().frontchannel_logout:
        return target
    handle = outcome.result_handle
    is_result = target == url_for("endpoints.show_session_ended", handle=handle)
    with transaction():
        frames = list_frames(outcome.logout, handle=cookies.session_handle())
        if not frames:
            return target
        # What no stranger may make up: above all where it leads on to. The address of the result page
        # is not stored, for only its digest is kept.
        parked = {
            "frames": frames,
            "return_to": None if is_result else target,
            "scope": outcome.logout.scope,
        }
        ticket = park(InteractionKind.FRONTCHANNEL, parked, browser=cookies.bind_browser())
    return url_for("endpoints.frontchannel_logout", handle=handle, ticket=ticket)
