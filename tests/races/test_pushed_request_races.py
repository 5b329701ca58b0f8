"""A pushed request is answered once, however many browsers bring its name at the same instant."""

from tests.races.at_once import AT_ONCE, ON_POSTGRESQL, ROUNDS, at_once
from tests.races.conftest import twins
from tests.support.browsers import query_of

pytestmark = ON_POSTGRESQL


def test_one_pushed_request_many_tabs(browser, signed_in, rp):
    """rfc9126 §7.3: one code; the others learn that the request_uri was used."""
    rp.sign_in(signed_in)
    for _ in range(ROUNDS // 5):
        name = rp.post("/par", **rp.request()).json["request_uri"]
        asked = {"client_id": rp.client_id, "request_uri": name}

        responses = at_once(
            *[
                lambda tab=tab, asked=asked: query_of(tab.get("/authorize", query_string=asked))
                for tab in twins(browser, signed_in, AT_ONCE)
            ]
        )

        assert sorted(response.get("error", "code") for response in responses) == ["code"] + [
            "invalid_request_uri"
        ] * (AT_ONCE - 1)
