"""A Logout Request is honoured whenever it is clear whose session is meant; what is unusable is left out."""

from urllib.parse import urlencode

import pytest

from provider.infrastructure.database import transaction
from provider.sessions.queries import find_live
from tests.factories import STRAIGHT_BACK, make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, show_session

RED_OUT = "https://red.test/signed-out"
GOES_BACK, STAYS = True, False


@pytest.fixture
def red(app):
    return make_client("red", settings=STRAIGHT_BACK)


@pytest.fixture
def made(http, ada, red):
    made = make_session(ada, [red])
    show_session(http, made)
    return made


@pytest.fixture
def good(red, made):
    """A request that is proven and leads back."""
    return [
        ("id_token_hint", id_token_of(red, made.grants["red"])),
        ("post_logout_redirect_uri", RED_OUT),
    ]


def send(http, pairs, method="get"):
    body = urlencode(pairs)
    if method == "get":
        return http.get(f"/session/end?{body}")
    return http.post("/session/end", data=body, content_type="application/x-www-form-urlencoded")


ODDITIES = [
    pytest.param([("state", "x" * 2049)], STAYS, ("state", "too_long"), id="a state of 2,049 characters"),
    pytest.param([("state", "x" * 8193)], STAYS, ("state", "too_long"), id="a state without end"),
    pytest.param([("state", "a"), ("state", "b")], STAYS, ("state", "repeated"), id="two states"),
    pytest.param([("state", "a"), ("state", "a")], STAYS, ("state", "repeated"), id="a state twice"),
    pytest.param([("state", "a\0b")], STAYS, ("state", "malformed"), id="NUL in state"),
    pytest.param(
        [("post_logout_redirect_uri", RED_OUT)],
        STAYS,
        ("post_logout_redirect_uri", "repeated"),
        id="a redirect URI twice",
    ),
    pytest.param([("utm_source", "a"), ("utm_source", "b")], GOES_BACK, None, id="utm_source twice"),
    pytest.param(
        [("ui_locales", "x" * 9000)], GOES_BACK, ("ui_locales", "too_long"), id="endless ui_locales"
    ),
    pytest.param(
        [("logout_hint", "a"), ("logout_hint", "b")], GOES_BACK, ("logout_hint", "repeated"), id="hints"
    ),
    pytest.param([(f"p{number}", "1") for number in range(101)], GOES_BACK, None, id="101 parameters more"),
    pytest.param([("utm\0", "\0")], GOES_BACK, None, id="NUL in an unknown parameter"),
    pytest.param([("x" * 9000, "1")], GOES_BACK, None, id="an endless name"),
    pytest.param(
        [("client_id", "red"), ("client_id", "red")], GOES_BACK, None, id="the same client_id twice"
    ),
]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("more", "goes_back", "logged"), ODDITIES)
def test_an_oddity_ends_the_session_all_the_same(http, made, good, caplog, more, goes_back, logged, method):
    caplog.set_level("INFO", "curfew")

    response = send(http, [*good, *more], method)

    assert response.status_code == 303
    assert find_live(made.handle) is None
    assert (response.headers["Location"] == RED_OUT) == goes_back
    said = [
        (record.fields["parameter"], record.fields["reason"], record.fields["client_id"])
        for record in caplog.records
        if record.message == "end_session_parameter_unusable"
    ]
    assert said == ([(*logged, "red")] if logged else [])
    if not goes_back:
        shown = http.get(response.headers["Location"])
        assert f'data-parameter="{logged[0]}" data-why="{logged[1]}"' in shown.text
        assert 'id="not-sent-back"' in shown.text
        assert "x" * 100 not in shown.text


def test_an_id_token_twice_is_as_clear_as_once(http, made, good):
    assert send(http, [*good, good[0]]).headers["Location"] == RED_OUT
    assert find_live(made.handle) is None


@pytest.mark.spec("THR-39")
@pytest.mark.parametrize("name", ["id_token_hint", "client_id"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_two_that_disagree_about_who_is_meant_prove_nothing(http, made, good, name, method):
    others = [("client_id", "red")] if name == "client_id" else []

    response = follow(http, send(http, [*good, *others, (name, "another")], method))

    assert response.status_code == 200
    assert find_live(made.handle) is not None
    assert f'data-parameter="{name}" data-why="repeated"' in response.text
    assert "Red</strong> asks" not in response.text
    page = Page(http, response)
    assert page.press("sign-out").headers["Location"].startswith("/session/ended/")


@pytest.mark.spec("rpinitiated 3, rpinitiated 4")
def test_a_client_id_that_contradicts_the_hint_is_named_as_the_reason_not_to_lead_back(http, made, good):
    make_client("green")

    page = Page(http, follow(http, send(http, [*good, ("client_id", "green")])))
    done = follow(http, page.press("sign-out"))

    assert "asks to sign you out" not in page.html
    for shown in (page.html, done.text):
        assert 'data-parameter="client_id" data-why="not_of_hint"' in shown
        assert 'id="continue"' not in shown
    assert "names two different apps" in done.text


def test_two_client_ids_are_named_as_the_reason_without_a_session(http, app):
    shown = send(http, [("client_id", "red"), ("client_id", "green")])

    assert "names two different apps" in shown.text


@pytest.mark.spec("THR-39")
def test_a_parameter_in_query_and_body_is_sent_twice(http, made, good):
    query, body = urlencode([*good, ("state", "a")]), {"state": "b"}

    response = http.post(f"/session/end?{query}", data=body)

    assert find_live(made.handle) is None
    assert 'data-parameter="state" data-why="repeated"' in http.get(response.headers["Location"]).text


@pytest.mark.parametrize("mimetype", ["application/json", "multipart/form-data", "text/plain"])
def test_a_body_in_another_form_is_left_out(http, made, good, mimetype):
    response = http.post(f"/session/end?{urlencode(good)}", data=b'{"state": 1}', content_type=mimetype)

    assert find_live(made.handle) is None
    assert 'data-parameter="request body"' in http.get(response.headers["Location"]).text


def test_a_hint_that_is_too_long_counts_as_none(http, made, red):
    response = follow(http, send(http, [("id_token_hint", "a" * 9000), ("client_id", "red")]))

    assert find_live(made.handle) is not None
    assert "Red</strong> asks to sign you out" in response.text


@pytest.mark.spec("THR-11")
def test_the_size_of_a_request_is_still_bounded(http, made, good):
    assert send(http, [*good, ("x", "y" * 200_000)]).status_code == 400
    assert send(http, [*good, ("x", "y" * 200_000)], "post").status_code == 413
    assert find_live(made.handle) is not None


def test_what_was_wrong_is_said_after_the_persons_own_answer_too(http, made, red):
    asked = send(http, [("client_id", "red"), ("post_logout_redirect_uri", RED_OUT), ("state", "x" * 3000)])
    page = Page(http, follow(http, asked))
    assert 'data-parameter="state" data-why="too_long"' in page.html

    done = follow(http, page.press("sign-out"))

    assert 'data-parameter="state" data-why="too_long"' in done.text
    assert find_live(made.handle) is None


@pytest.mark.spec("rpinitiated 7")
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        pytest.param(f"{RED_OUT}/", f"{RED_OUT}/", id="a trailing slash"),
        pytest.param(f"{RED_OUT}?token=s3cret", f"{RED_OUT}?...", id="its query is not shown"),
        pytest.param("https://ada:s3cret@red.test/", "https://...@red.test/", id="nor a user"),
        pytest.param("javascript:<s>", "javascript:&lt;s&gt;", id="escaped"),
        pytest.param(f"{RED_OUT}\u202e", f"{RED_OUT}\\u202e", id="no letters that mislead"),
        pytest.param(f"{RED_OUT}/{'x' * 3000}", "x" * 171 + "...<", id="not without end"),
    ],
)
def test_an_unregistered_address_leaves_a_trace(http, made, good, caplog, refused, said):
    caplog.set_level("INFO", "curfew")

    response = send(http, [good[0], ("post_logout_redirect_uri", refused)])
    shown = http.get(response.headers["Location"])

    assert find_live(made.handle) is None
    assert said in shown.text
    assert "<code>red</code>" in shown.text
    assert 'data-why="unregistered"' in shown.text
    logged = next(one for one in caplog.records if one.message == "end_session_parameter_unusable")
    assert (logged.fields["client_id"], logged.fields["reason"]) == ("red", "unregistered")
    assert "s3cret" not in shown.text + str(logged.fields)


def test_an_address_of_no_client_leaves_a_trace(http, app, caplog):
    caplog.set_level("INFO", "curfew")

    shown = http.get("/session/end", query_string={"post_logout_redirect_uri": RED_OUT})

    assert f"<code>{RED_OUT}</code>" in shown.text
    assert "href" not in shown.text[shown.text.index("for-developers") :].partition("</details>")[0]
    logged = next(one for one in caplog.records if one.message == "end_session_parameter_unusable")
    assert (logged.fields["reason"], logged.fields["value"]) == ("of_no_client", RED_OUT)


def test_another_browser_learns_nothing_of_the_request(http, browser, made, good):
    result = send(http, [*good, ("state", "x" * 3000)]).headers["Location"]

    assert "for-developers" in http.get(result).text
    assert "for-developers" not in browser().get(result).text


def test_a_disabled_client_is_no_reason_to_stay_signed_in(http, made, red, good):
    with transaction():
        red.disabled_at = red.created_at

    page = Page(http, follow(http, send(http, good)))
    assert 'data-why="disabled"' in page.html
    page.press("sign-out")

    assert find_live(made.handle) is None
