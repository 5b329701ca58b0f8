"""A consent covers, as a table shows, what the page named, and nothing else."""

import pytest

from provider.grants.consent import Consent, read_consent

CALENDAR, PAYMENTS = "https://calendar.test/", "https://payments.test/"
READ = ("openid", "read")
TO_CALENDAR = Consent.to(READ, resources=[CALENDAR])
TO_NONE = Consent.to(READ)


@pytest.mark.spec("rfc8707 1")
@pytest.mark.parametrize(
    ("consent", "scopes", "resources", "covered"),
    [
        pytest.param(TO_CALENDAR, READ, [CALENDAR], True, id="what was named"),
        pytest.param(TO_CALENDAR, ["read"], [CALENDAR], True, id="less than was named"),
        pytest.param(TO_CALENDAR, READ, [PAYMENTS], False, id="another server"),
        pytest.param(TO_CALENDAR, READ, [CALENDAR, PAYMENTS], False, id="another server besides"),
        pytest.param(TO_CALENDAR, READ, [], False, id="a token that every server takes"),
        pytest.param(TO_CALENDAR, ["openid"], [], True, id="who the person is"),
        pytest.param(TO_NONE, READ, [], True, id="no server was named and none is asked for"),
        pytest.param(TO_NONE, READ, [PAYMENTS], False, id="a server that was not named"),
        pytest.param(TO_NONE, ["openid"], [PAYMENTS], False, id="a server learns who the person is"),
        pytest.param(
            Consent(TO_CALENDAR.scopes | Consent.to(["pay"], resources=[PAYMENTS]).scopes),
            ["pay"],
            [CALENDAR],
            False,
            id="a scope that was named with another server",
        ),
    ],
)
def test_a_consent_covers_what_was_named(consent, scopes, resources, covered):
    assert consent.covers(scopes, (), resources=resources) is covered


def test_it_is_read_as_it_was_stored():
    assert read_consent("openid read", TO_CALENDAR.to_store(), None) == TO_CALENDAR
    assert read_consent("openid read", None, ["birthdate"]) == Consent.to(READ, claims=["birthdate"])
