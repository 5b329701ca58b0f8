"""The logo of an app: fetched through the guarded door, handed out by us, and nothing but a picture."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from provider.clients import logos
from provider.clients.queries import get_by_client_id
from provider.infrastructure import current
from provider.infrastructure.database import transaction
from tests.factories import make_account, make_client, make_session
from tests.infrastructure.outbound_servers import Server, answering
from tests.support.browsers import show_session

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.spec("registration 1, registration 2"),
]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG, GIF = b"\xff\xd8\xff\xe0" + b"\0" * 20, b"GIF89a" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def sent(body: bytes, media_type: str = "image/png", status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@pytest.fixture
def red(app):
    """Makes red, whose logo lies on a server of its own."""

    def make(server: Server, client_id: str = "red", **settings) -> None:
        make_client(client_id, logo_uri=server.url(f"/{client_id}.png"), settings=settings)

    return make


@pytest.mark.parametrize(
    ("body", "media_type", "shown"),
    [
        pytest.param(PNG, "image/png", "image/png", id="PNG"),
        pytest.param(JPEG, "image/jpeg", "image/jpeg", id="JPEG"),
        pytest.param(GIF, "image/gif", "image/gif", id="GIF"),
        pytest.param(WEBP, "Image/WebP; q=1", "image/webp", id="WebP, said in another way"),
    ],
)
def test_a_picture_is_shown_as_what_it_is(http, red, body, media_type, shown):
    with Server(answering(sent(body, media_type, more="Set-Cookie: a=b\r\nX-Theirs: 1\r\n"))) as server:
        red(server)
        response = http.get("/apps/red/logo")

    assert (response.status_code, response.data, response.mimetype) == (200, body, shown)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == "inline"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert not {"Set-Cookie", "X-Theirs"} & set(response.headers.keys())


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(sent(SVG, "image/svg+xml"), id="a picture that may hold scripts"),
        pytest.param(sent(SVG, "image/png"), id="SVG under another name"),
        pytest.param(sent(b"<script>alert(1)</script>", "text/html"), id="a page"),
        pytest.param(sent(PNG, "text/html"), id="a picture that is said to be a page"),
        pytest.param(sent(JPEG, "image/png"), id="another type than is said"),
        pytest.param(sent(b"RIFF\x10\0\0\0WAVEfmt ", "image/webp"), id="a sound"),
        pytest.param(sent(b"", "image/png"), id="nothing"),
        pytest.param(sent(PNG, ""), id="no type"),
        pytest.param(sent(PNG + b"\0" * 256 * 1024), id="more than 256 KB"),
        pytest.param(
            sent(PNG, status="302 Found", more="Location: /red.png\r\n"), id="URL-40: somewhere else"
        ),
        pytest.param(sent(PNG, status="404 Not Found"), id="an error with a picture"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 900\r\n\r\n", id="half"),
        pytest.param(b"no HTTP at all\r\n\r\n", id="no HTTP"),
    ],
)
def test_what_is_no_picture_is_not_shown_and_not_asked_for_again_at_once(http, red, turned_clock, response):
    def once(wire):
        wire.read_request()
        wire.send(response)

    with Server(once) as server:
        red(server)
        statuses = [http.get("/apps/red/logo").status_code for _ in range(3)]
        asked = len(server.requests)
        turned_clock.turn(timedelta(minutes=5, seconds=1))
        again = http.get("/apps/red/logo")

    assert statuses == [404] * 3
    assert (asked, len(server.requests)) == (1, 2)
    assert again.headers["Cache-Control"] == "no-store"


def test_a_logo_is_fetched_once_a_day_and_a_changed_address_at_once(http, red, turned_clock, statements):
    with Server(answering(sent(PNG))) as server:
        red(server)
        first = http.get("/apps/red/logo")
        with statements() as seen:
            second = http.get("/apps/red/logo", headers={"If-None-Match": first.headers["ETag"]})
        asked = len(server.requests)
        with transaction():
            client = get_by_client_id("red")
            client.registered = client.registered | {"logo_uri": server.url("/new.png")}
        http.get("/apps/red/logo")
        turned_clock.turn(timedelta(days=1, seconds=1))
        http.get("/apps/red/logo")

    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert (second.status_code, second.data) == (304, b"")
    assert len(seen) == 1
    assert asked == 1
    assert [request.split()[1] for request in server.requests] == [b"/red.png", b"/new.png", b"/new.png"]


def test_nothing_about_the_person_reaches_the_host_of_the_app(http, red):
    with Server(answering(sent(PNG))) as server:
        red(server)
        show_session(http, make_session(make_account("ada")))
        http.get(
            "/apps/red/logo", headers={"Referer": "http://localhost:8900/sign-in/x", "User-Agent": "Ada"}
        )

    [request] = server.requests
    assert b"Cookie" not in request
    assert b"Referer" not in request
    assert b"Ada" not in request


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("green", id="an app without a logo"),
        pytest.param("gone", id="an app that is no longer"),
        pytest.param("nobody", id="no app"),
        pytest.param("https://evil.test/x.png", id="an address"),
    ],
)
def test_what_has_no_logo_is_a_page_that_says_so(http, turned_clock, client_id):
    make_client("green")
    make_client("gone", logo_uri="https://gone.test/x.png", settings={"disabled_at": turned_clock()})

    response = http.get(f"/apps/{client_id}/logo")

    assert (response.status_code, response.mimetype) == (404, "text/html")


class TestByDefault:
    """A provider whose operator has allowed no private network."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, outbound_allow=())

    @pytest.mark.parametrize(
        "uri",
        [
            pytest.param("http://127.0.0.1:{port}/x.png", id="URL-15: this machine"),
            pytest.param("https://169.254.169.254/latest/meta-data", id="URL-16: the cloud's secrets"),
            pytest.param("https://10.0.0.1/x.png", id="URL-13: a private network"),
        ],
    )
    def test_no_private_address_is_called(self, http, uri):
        with Server(answering(sent(PNG))) as server:
            make_client("red", logo_uri=uri.format(port=server.port))
            status = http.get("/apps/red/logo").status_code

        assert (status, server.connections) == (404, 0)


class TestForSport:
    """Limits on the fetches that an attacker has us make."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, logo_limit_address="2 per minute")

    def test_one_address_may_have_us_fetch_only_so_many(self, http, red):
        with Server(answering(sent(PNG))) as server:
            for name in ("red", "green", "blue"):
                red(server, name)
            statuses = [http.get(f"/apps/{name}/logo").status_code for name in ("red", "green", "blue")]
            known = http.get("/apps/red/logo").status_code

        assert (statuses, known) == ([200, 200, 429], 200)
        assert len(server.requests) == 2


def test_of_many_who_want_the_same_logo_at_once_one_fetches_it(app, red):
    def ask(_number: int) -> int:
        return app.test_client().get("/apps/red/logo").status_code

    with Server(answering(sent(PNG))) as server, ThreadPoolExecutor(4) as threads:
        red(server)
        statuses = list(threads.map(ask, range(4)))

    assert statuses == [200] * 4
    assert len(server.requests) == 1


def test_only_so_many_logos_are_remembered(http, red):
    current.services().memo["logos"] = logos.Memory(most=2)
    with Server(answering(sent(PNG))) as server:
        for name in ("red", "green", "blue"):
            red(server, name)
            http.get(f"/apps/{name}/logo")
        http.get("/apps/blue/logo")
        http.get("/apps/red/logo")

    assert [request.split()[1] for request in server.requests] == [
        *(b"/red.png", b"/green.png", b"/blue.png"),
        b"/red.png",
    ]


@pytest.mark.spec("rfc7591 §5")
@pytest.mark.parametrize(
    ("logo_uri", "shown"),
    [
        pytest.param("https://red.test/logo.png", True, id="on its own host"),
        pytest.param("https://bank.test/logo.png", False, id="another app's"),
        pytest.param("https://red.test.evil.test/logo.png", False, id="a host that looks like it"),
    ],
)
def test_a_registrant_borrows_no_other_logo(app, logo_uri, shown):
    self_made = make_client("red", logo_uri=logo_uri, settings={"self_registered": True})
    checked = make_client("green", logo_uri=logo_uri)

    assert (logos.logo_url_of(self_made) is not None) == shown
    assert logos.logo_url_of(checked) == logo_uri


SAYS = {
    "policy_uri": "https://red.test/privacy?a=1&b=2",
    "tos_uri": "https://red.test/terms",
    "tos_uri#de": "https://red.test/agb",
    "logo_uri": "https://cdn.test/red.png",
}
ABOUT_RED = (
    '<img src="/apps/red/logo" alt="" loading="lazy" data-letter="R">',
    '<a href="https://red.test/privacy?a=1&amp;b=2" rel="noopener noreferrer">',
    '<a href="https://red.test/terms" rel="noopener noreferrer">',
)


@pytest.mark.parametrize(("kind", "scope"), [("sign-in", ""), ("consent", "openid")])
def test_pages_for_an_app_show_what_it_says_of_itself(http, parked, kind, scope):
    apps = make_client("red", **SAYS), make_client("green")
    show_session(http, make_session(make_account("ada")))

    red, green = (http.get(f"/{kind}/{parked(http, one, consent_scope=scope)}").text for one in apps)
    german = http.get(f"/{kind}/{parked(http, apps[0], consent_scope=scope, ui_locales='de')}").text

    assert all(words in red for words in ABOUT_RED)
    assert 'href="https://red.test/agb"' in german
    assert "cdn.test" not in red
    assert "/logo" not in green
    assert 'id="says"' not in green


def test_a_logo_that_could_not_be_had_lately_is_not_asked_for_by_pages(http, parked, turned_clock):
    red = make_client("red", logo_uri="https://10.0.0.1/red.png")
    http.get("/apps/red/logo")

    handle = parked(http, red)
    now = http.get(f"/sign-in/{handle}").text
    turned_clock.turn(timedelta(minutes=6))
    later = http.get(f"/sign-in/{handle}").text

    assert "/apps/red/logo" not in now
    assert "/apps/red/logo" in later


def test_the_account_page_shows_the_logos_of_the_apps_that_have_one(http):
    clients = [make_client("red", **SAYS), make_client("green")]
    show_session(http, make_session(make_account("ada"), clients))

    html = http.get("/account").text

    assert html.count("<img") == 2
    assert ABOUT_RED[0] in html
    assert "cdn.test" not in html
