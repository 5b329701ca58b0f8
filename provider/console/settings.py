"""The settings in force: value, source and meaning of each, and what is unsafe in production."""

from werkzeug.wrappers import Response

from provider.config import describe_settings
from provider.config.unwise import unwise_settings
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import Asked
from provider.infrastructure import current


def show() -> Response:
    """Show the settings of this process."""
    asked = Asked.read("q")
    settings = current.settings()
    found = describe_settings(settings)
    text = (asked.get("q") or "").casefold()
    shown = [one for one in found if text in f"{one.variable} {one.meaning}".casefold()]
    return console_page(
        "console/settings.html",
        "console.settings",
        asked=asked,
        settings=shown,
        unwise=list(unwise_settings(settings)),
    )


ROUTES = (page_route("/settings", "settings", show),)
