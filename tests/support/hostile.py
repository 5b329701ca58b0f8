"""Input that is small to send and meant to be expensive to read, and what reading it costs."""

import json
import time
from collections.abc import Callable

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

CPU_SECONDS = 0.1
# A little less than the largest body that is taken.
SIZE = 120 * 1024
# Combining marks of changing classes: normalising sorts them, by the square of their number.
MARKS = ("\u0315\u0300\u05ae\u0301" * SIZE)[: SIZE // 2]
LIGATURES = "\ufdfa" * (SIZE // 3)
TEXTS = {
    "combining marks": "a" + MARKS,
    "characters that become eighteen": LIGATURES,
    "jamo": "\u1100\u1161\u11a8" * (SIZE // 9),
    "digits": "9" * SIZE,
    "spaces": " " * (SIZE // 2) + "a",
    "brackets": "[" * SIZE,
    "percent signs": "%" * (SIZE // 3),
    "dots": "." * SIZE,
}
JSON = {
    "deep": "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "deep objects": '{"a":' * (SIZE // 6) + "1" + "}" * (SIZE // 6),
    "a long list": json.dumps({"redirect_uris": ["https://a.test/"] * (SIZE // 20)}),
    "a long number": '{"default_max_age": ' + "9" * SIZE + "}",
    "a long fraction": '{"default_max_age": 0.' + "9" * SIZE + "}",
    "a long exponent": '{"default_max_age": 1e' + "9" * SIZE + "}",
    "many members": json.dumps({f"m{number}": number for number in range(SIZE // 20)}),
    "a hostile name": json.dumps(
        {"redirect_uris": ["https://a.test/"], "client_name": MARKS}, ensure_ascii=False
    ),
    "many scopes": json.dumps({"redirect_uris": ["https://a.test/"], "scope": "a " * (SIZE // 2)}),
}


def cpu_of(ask: Callable[[], TestResponse]) -> tuple[float, int]:
    """The least CPU of three tries: others on this machine disturb its caches."""
    least, status = float("inf"), 0
    for _ in range(3):
        begun = time.thread_time()
        status = ask().status_code
        least = min(least, time.thread_time() - begun)
        if least < CPU_SECONDS:
            break
    return least, status


def post_raw(http: FlaskClient, path: str, fields: dict[str, str]) -> TestResponse:
    """Send a form with nothing encoded that need not be: three times as much fits into a body."""
    body = "&".join(f"{name}={value.replace('%', '%25')}" for name, value in fields.items())
    return http.post(path, data=body.encode(), content_type="application/x-www-form-urlencoded")
