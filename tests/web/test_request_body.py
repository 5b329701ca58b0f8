"""Bodies of unknown length, as WSGI servers other than ours hand them over."""

import io

import pytest

pytestmark = pytest.mark.usefixtures("failing")

FORM = "application/x-www-form-urlencoded"


def post_chunked(http, body: bytes, content_type: str = FORM):
    stream = io.BytesIO(body)
    return http.post(
        "/read",
        input_stream=stream,
        content_type=content_type,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def test_one_that_is_short_enough_is_read(http):
    assert post_chunked(http, b"scope=openid").json == {"scope": "openid"}


def test_one_that_is_too_long_is_refused_and_not_cut(http, settings):
    body = b"scope=openid&" + b"a" * settings.max_body_bytes + b"&scope=again"

    assert post_chunked(http, body).status_code == 413


def test_one_of_another_media_type_is_refused(http):
    assert post_chunked(http, b'{"scope": "openid"}', "application/json").status_code == 400


@pytest.mark.parametrize("path", ["/write", "/nowhere", "/form"])
def test_one_that_is_too_long_is_refused_where_no_body_is_read_too(http, settings, path):
    assert http.post(path, data=b"a" * (settings.max_body_bytes + 1)).status_code == 413
