"""The findings of checks."""

from dataclasses import dataclass

PASS, WARN, FAIL = "pass", "warn", "fail"
SUCCESS = (200, 204)
REFUSED = 400
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: `grade` is pass, warn or fail."""

    check: str
    grade: str
    saw: str
    rule: str = ""
    # What the app was sent, and what was expected of it, in words.
    sent: str = ""
    expected: str = ""
    # A section of Back-Channel Logout 1.0, unless another specification is named.
    section: str = ""
