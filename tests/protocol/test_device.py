"""A device is called what a person would call it."""

import pytest

from provider.protocol.device import MAX_LENGTH, label_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel) {WEBKIT} Chrome/140 Mobile Safari/537",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
            "Safari on iPhone",
        ),
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.34", "python-requests"),
        ("", "Unknown device"),
        ("\x1b[31m\r\n", "[31m"),
    ],
)
def test_label(user_agent, label):
    assert label_of(user_agent) == label


def test_a_label_is_short_and_has_no_control_characters():
    label = label_of("\u202e\x00" + "a" * 10_000)

    assert label == "a" * MAX_LENGTH
