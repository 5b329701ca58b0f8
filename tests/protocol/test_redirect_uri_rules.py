"""Redirect URIs that others may receive something at are registered on an operator's word alone."""

import pytest

from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.redirect_uri_rules import unwise_uris

NATIVE = {"application_type": "native", "token_endpoint_auth_method": "none"}
SHORT, LOCAL = "without a dot", "plain http"


def register(uri, *, unwise, **more):
    members = {"redirect_uris": ["https://red.test/cb"], "post_logout_redirect_uris": [uri]} | more
    return read_registration(members, may_be_unwise=lambda _: unwise)


UNWISE = [
    *(
        pytest.param(uri, NATIVE, SHORT, id=uri)
        for uri in ("myapp:/cb", "myapp://cb", "my-app+x:/cb?x=1", "myapp:///cb")
    ),
    *(
        pytest.param(uri, {}, LOCAL, id=uri)
        for uri in (
            *(
                "http://192.168.1.20:3000/cb",
                "http://10.0.0.7/cb",
                "http://172.16.3.4/",
                "http://[fd00::7]/cb",
            ),
            *(
                "http://nas/cb",
                "http://host.local/cb",
                "http://wiki.home.arpa/",
                "http://app.internal:8080/cb",
            ),
            *("http://app.localhost:3000/cb", "http://127.0.0.2/cb", "http://169.254.1.1/cb"),
        )
    ),
    pytest.param("http://nas/cb", NATIVE, LOCAL, id="of a native app"),
]


@pytest.mark.parametrize(("uri", "more", "why"), UNWISE)
def test_an_unwise_uri_is_taken_on_an_operators_word_and_named(uri, more, why):
    with pytest.raises(InvalidClientMetadata, match=f"{why}.*--unwise-redirect-uris"):
        register(uri, unwise=False, **more)

    metadata = register(uri, unwise=True, **more)

    assert list(unwise_uris(metadata)) == [uri]
    assert why in unwise_uris(metadata)[uri]


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        *(
            pytest.param(uri, NATIVE, id=uri)
            for uri in (
                *(
                    "javascript:/alert(1)",
                    "data:/x",
                    "file:///etc/passwd",
                    "vbscript:/x",
                    "blob:/x",
                    "intent:/x",
                ),
                *(
                    "myapp:cb",
                    "MYAPP:/cb",
                    "myapp:/a/../b",
                    "myapp://host:80/cb",
                    "myapp://a@b/cb",
                    "myapp:/%0a",
                ),
                *("myapp:/cb#x", "1app:/cb", "view-source:/x", "mailto:/x", "intent:/x", "myapp:/%0a"),
            )
        ),
        *(
            pytest.param(uri, {}, id=uri)
            for uri in (
                *("myapp:/cb", "http://red.test/cb", "http://8.8.8.8/cb", "http://[2606:4700::1]/cb"),
                *(
                    "http://local/../x",
                    "http://0.0.0.0/cb",
                    "http://host.local.red.test/cb",
                    "http://127.1/cb",
                ),
                *("http://nas@red.test/cb", "http://192.168.1.20.red.test/", "ftp://nas/cb"),
            )
        ),
    ],
)
def test_what_leads_elsewhere_or_means_something_else_is_refused_for_all(uri, more):
    with pytest.raises(InvalidClientMetadata):
        register(uri, unwise=True, **more)


@pytest.mark.parametrize(
    "uri", ["https://192.168.1.20/cb", "http://127.0.0.1/cb", "http://localhost:3000/cb", "https://nas/cb"]
)
def test_what_only_the_app_receives_is_not_unwise(uri):
    assert unwise_uris(register(uri, unwise=False)) == {}
