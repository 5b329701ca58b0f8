"""A request that is sealed into its address is answered once, although nothing is stored before (DEC-27)."""

from functools import partial

from sqlalchemy import func, select

from provider.infrastructure.database import db
from provider.interactions.models import Interaction
from provider.interactions.queries import find_any
from tests.factories import PASSWORD, make_session
from tests.races.at_once import AT_ONCE, ON_POSTGRESQL, ROUNDS, at_once, just_before
from tests.races.conftest import twins
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL
_ONE_CODE = ["code"] + ["nothing"] * (AT_ONCE - 1)


def count_rows() -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(Interaction)) or 0


def outcome(response) -> str:
    """What came of it: the parameter of the app's response, or nothing where our page explains."""
    return "code" if "code=" in response.headers.get("Location", "") else "nothing"


def sign_in(browser, address, typed) -> str:
    return outcome(follow(browser, browser.post(address, data=typed)))


def finish(browser, address) -> str:
    return outcome(follow(browser, browser.get(address)))


def test_one_sealed_request_many_tabs(browser, ada, rp):
    """The first response makes the row; the others find it, and give no code."""
    for number in range(ROUNDS):
        one = browser()
        address = rp.authorize(one).headers["Location"].replace("/sign-in/", "/authorize/resume/")
        show_session(one, make_session(ada))

        outcomes = at_once(*[partial(finish, tab, address) for tab in twins(browser, one, AT_ONCE)])

        assert sorted(outcomes) == _ONE_CODE
        assert count_rows() == number + 1


def test_one_sealed_request_many_passwords(browser, ada, rp):
    """Each password is right and may begin a session; the app gets one code."""
    for number in range(ROUNDS // 5):
        one = browser()
        address = rp.authorize(one).headers["Location"]
        typed = Page(one, one.get(address)).fields | {"username": "ada", "password": PASSWORD}

        outcomes = at_once(*[partial(sign_in, tab, address, typed) for tab in twins(browser, one, AT_ONCE)])

        assert sorted(outcomes) == _ONE_CODE
        assert count_rows() == number + 1


def test_a_refusal_and_a_password(browser, ada, rp):
    """Both answers are kept, whichever came first, and the app is told one of them."""
    for number in range(ROUNDS // 5):
        one = browser()
        page = Page(one, one.get(rp.authorize(one).headers["Location"]))
        refusing, signing_in = (
            Page(tab, tab.get(page.response.request.full_path)) for tab in twins(browser, one, 2)
        )

        refused, signed_in = at_once(
            partial(refusing.press, "cancel"),
            partial(signing_in.press, "sign-in", username="ada", password=PASSWORD),
        )
        first = follow(refusing.browser, refused)
        second = follow(signing_in.browser, signed_in)

        assert query_of(first)["error"] == "access_denied"
        assert outcome(second) == "nothing"
        assert count_rows() == number + 1


def test_an_answer_between_reading_and_writing_stands(browser, ada, rp):
    """What another tab has finished in the meantime stays finished."""
    one = browser()
    address = rp.authorize(one).headers["Location"].replace("/sign-in/", "/authorize/resume/")
    show_session(one, make_session(ada))
    one_tab, other_tab = twins(browser, one, 2)

    with just_before("UPDATE session", partial(finish, other_tab, address)) as done:
        mine = finish(one_tab, address)

    assert (done, mine) == (["code"], "nothing")
    handle = address.partition("?")[0].rpartition("/")[2]
    assert find_any(handle, ["authorization"]).finished_at is not None
