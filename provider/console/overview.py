"""The first page: what is live, what was notified, which apps refuse; it refreshes automatically."""

from typing import Any

from werkzeug.wrappers import Response

from provider.console.charts import Chart, Column, bar_chart
from provider.console.guarded import page_route
from provider.console.layout import console_page, part_that_updates
from provider.infrastructure.database import reading
from provider.inspection import overview as inspection
from provider.inspection.overview import Latencies, Overview

# The bounds of the latency classes, in seconds; the last class has no upper bound.
_CLASSES = (
    # A no-break space keeps the number and its unit on one line.
    ("under 0.1\N{NO-BREAK SPACE}s", 0.0, 0.1),
    ("0.1 to 1\N{NO-BREAK SPACE}s", 0.1, 1.0),
    ("1 to 10\N{NO-BREAK SPACE}s", 1.0, 10.0),
    ("10 to 60\N{NO-BREAK SPACE}s", 10.0, 60.0),
    ("over a minute", 60.0, None),
)


def show() -> Response:
    """Show the overview."""
    return console_page("console/overview.html", "console.overview", **_shown())


def show_numbers() -> Response:
    """Return the part of the page that is refreshed."""
    return part_that_updates("console/overview_numbers.html", **_shown())


def _shown() -> dict[str, Any]:
    with reading():
        seen = inspection.look()
    return {"seen": seen, "activity": _activity(seen), "classes": _classes(seen.latencies)}


def _activity(seen: Overview) -> Chart:
    columns = [Column(f"{one.begin:%H}:00", (one.sign_ins, one.logouts), at=one.begin) for one in seen.hours]
    return bar_chart(("sign-ins", "logouts"), columns)


def _classes(latencies: Latencies) -> Chart:
    columns = [Column(label, (latencies.within(low, high),)) for label, low, high in _CLASSES]
    return bar_chart(("notifications",), columns)


ROUTES = (
    page_route("", "overview", show),
    page_route("/overview", "overview_numbers", show_numbers),
)
