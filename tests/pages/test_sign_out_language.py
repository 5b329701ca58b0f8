"""The sign-out pages speak the language that the app asks for (rpinitiated §2)."""

import pytest

from tests.factories import make_account, make_client, make_session
from tests.support.browsers import follow, show_session

LOGOUT_REQUEST = "/session/end?client_id=red&ui_locales=fr%20de"


@pytest.mark.spec("rpinitiated 3, rpinitiated 6, rpinitiated 9, rpinitiated 11")
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "signed out"])
def test_the_app_chooses_the_language_before_the_browser(app, http, signed_in):
    red = make_client("red")
    if signed_in:
        show_session(http, make_session(make_account("ada"), [red]))

    page = follow(http, http.get(LOGOUT_REQUEST))

    assert '<html lang="de">' in page.text
