"""A software statement wins over what is merely said, if the operator believes its issuer (rfc7591 §2.3)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import select

from provider.clients.models import Client
from provider.config import Settings, WrongSettings
from provider.infrastructure import clock
from provider.infrastructure.database import db
from tests.support.applications import opened
from tests.support.browsers import ISSUER
from tests.support.reads import end_read
from tests.support.registering import SMALLEST, Registrant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STORE, OTHER = "https://store.test", "https://other.test"
KEY = ECKey.generate_key("P-256", {"kid": "store-1"}, private=True)
OTHERS = ECKey.generate_key("P-256", {"kid": "other-1"}, private=True)


@pytest.fixture(scope="module")
def believed(tmp_path_factory):
    path = tmp_path_factory.mktemp("issuers") / "issuers.json"
    keys = {STORE: KEY, OTHER: OTHERS}
    path.write_text(json.dumps({iss: {"keys": [key.as_dict(private=False)]} for iss, key in keys.items()}))
    return path


@pytest.fixture
def settings(settings, believed):
    return replace(
        settings,
        registration="open",
        registration_limit="1000 per second",
        software_statement_issuers=believed,
    )


@pytest.fixture
def registrant(app):
    return Registrant(app.test_client(use_cookies=False))


def statement(key=KEY, alg="ES256", header=None, **claims) -> str:
    said = {"iss": STORE, "software_id": "red", "client_name": "Red of the store"} | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": alg} | (header or {}), said, key, algorithms=[alg])


def in_(span: timedelta) -> int:
    return int((clock.now() + span).timestamp())


@pytest.mark.spec("registration 1", "rfc7591 §2.3", "rfc7591 §3.1.1", "registration 3", "rfc7591 §3.2.1")
def test_what_a_statement_says_wins_and_it_is_returned_as_it_came(registrant):
    sent = statement(redirect_uris=["https://red.test/stated"], exp=in_(timedelta(days=1)), aud=ISSUER)

    body = registrant.registered(software_statement=sent, client_name="Bank", client_uri="https://red.test/")

    assert body["software_statement"] == sent
    assert (body["client_name"], body["software_id"]) == ("Red of the store", "red")
    assert body["redirect_uris"] == ["https://red.test/stated"]
    assert body["client_uri"] == "https://red.test/"
    assert not {"iss", "exp", "aud"} & body.keys()


def test_the_type_of_a_statement_has_no_case(registrant):
    for typ in ("jwt", "Application/Software-Statement+JWT"):
        assert (
            registrant.registered(software_statement=statement(header={"typ": typ}))["software_id"] == "red"
        )


def test_it_does_so_in_a_replacement_too(registrant):
    body = registrant.registered()

    replaced = registrant.replace(body, software_statement=statement(), client_name="Bank").json

    assert replaced["client_name"] == "Red of the store"
    assert registrant.replace(replaced, software_statement="x").json["error"] == "invalid_software_statement"


def test_a_statement_allows_nothing_that_a_registrant_may_not_have(registrant):
    refused = registrant.register(software_statement=statement(scope="openid account"))

    assert refused.json["error"] == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        pytest.param({"iss": "https://evil.test"}, "unapproved_software_statement", id="an unknown issuer"),
        pytest.param({"iss": None}, "invalid_software_statement", id="rfc7591 §2.3: no issuer"),
        pytest.param({"iss": [STORE]}, "invalid_software_statement", id="a list of issuers"),
        pytest.param({"iss": OTHER}, "invalid_software_statement", id="signed by another issuer"),
        pytest.param({"key": OTHERS}, "invalid_software_statement", id="signed with another's key"),
        pytest.param({"exp": 1}, "invalid_software_statement", id="expired"),
        pytest.param({"exp": "never"}, "invalid_software_statement", id="an end that is no number"),
        pytest.param({"iat": True}, "invalid_software_statement", id="a beginning that is no number"),
        pytest.param({"nbf": in_(timedelta(days=1))}, "invalid_software_statement", id="not good yet"),
        pytest.param({"aud": "https://op.evil"}, "invalid_software_statement", id="for another audience"),
        pytest.param(
            {"header": {"typ": "logout+jwt"}}, "invalid_software_statement", id="another kind of token"
        ),
        pytest.param(
            {"header": {"jwk": OTHERS.as_dict(private=False)}, "key": OTHERS},
            "invalid_software_statement",
            id="ABU-36: its own key in the header",
        ),
        pytest.param(
            {"key": OctKey.import_key("a secret of thirty-two characters"), "alg": "HS256"},
            "invalid_software_statement",
            id="ABU-42: symmetric",
        ),
        pytest.param({"scope": "x" * 20_000}, "invalid_software_statement", id="LIB-13: a large one"),
        pytest.param({"redirect_uris": "x"}, "invalid_redirect_uri", id="metadata that cannot be registered"),
    ],
)
def test_a_statement_that_is_not_quite_right_registers_nothing(registrant, sent, error):
    response = registrant.register(software_statement=statement(**sent))

    assert (response.status_code, response.json["error"]) == (400, error)


def test_garbage_is_refused(registrant):
    for garbage in ("", "x", "e30.e30.", "e30.W10.x", ".." + "a" * 50):
        assert registrant.register(software_statement=garbage).json["error"] == "invalid_software_statement"


def test_without_the_setting_no_statement_is_accepted(settings):
    with opened(replace(settings, software_statement_issuers=None)) as app:
        refused = Registrant(app.test_client()).register(software_statement=statement())

    assert refused.json["error"] == "unapproved_software_statement"


@pytest.mark.parametrize("content", ["", "[]", '{"https://x": []}', '{"https://x": {"keys": 7}}', "\xff"])
def test_a_file_that_cannot_be_read_is_no_setting(database_url, tmp_path, content):
    path = tmp_path / "issuers.json"
    path.write_text(content, encoding="latin-1")

    with pytest.raises(WrongSettings, match="software_statement_issuers"):
        Settings(software_statement_issuers=path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"registration": "yes"},
        {"registration_limit": "often"},
        {"registration_scopes": ("a b",)},
        {"registration_scopes": ("account",)},
        {"registration_scopes": ("global_token_revocation",)},
        {"client_certificate_header": "XCert"},
        {"client_certificate_header": "X-Cert", "trusted_proxies": 1},
        {"client_certificate_header": "X_Cert", "trusted_proxies": 1},
        {"client_certificate_verified_header": "XVerify", "trusted_proxies": 1},
        {"mtls_origin": "https://mtls.test"},
        {"mtls_origin": "https://mtls.test/", "client_certificate_header": "XC", "trusted_proxies": 1},
    ],
)
def test_wrong_settings_are_refused_at_the_start(database_url, wrong):
    with pytest.raises(WrongSettings, match=next(iter(wrong))):
        Settings(**wrong)


def test_the_smallest_registration_needs_no_statement(registrant):
    assert "software_statement" not in registrant.registered(**SMALLEST)


def test_the_registrant_is_the_software_that_the_statement_is_about(registrant):
    ids = [
        registrant.registered(software_statement=statement(software_id=software))["client_id"]
        for software in ("red", "red", "green")
    ]

    end_read()
    found = dict(db.session.execute(select(Client.client_id, Client.registrant)).all())
    first, again, other = (found[one] for one in ids)
    assert first == again != other
    assert first.startswith("statement:")
