"""The addresses that robots and browsers try at every site have a response, which is not a page of ours."""


def test_robots_are_asked_to_stay_away(http):
    response = http.get("/robots.txt")

    assert response.mimetype == "text/plain"
    assert response.text == "User-agent: *\nDisallow: /\n"
    assert response.headers["Cache-Control"] == "public, max-age=86400"


def test_a_browser_finds_the_icon(http):
    icon = http.get("/favicon.ico")

    with http.get("/static/curfew.svg") as same:
        assert icon.data == same.data
    assert icon.mimetype == "image/svg+xml"
    known = http.get("/favicon.ico", headers={"If-None-Match": icon.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
