"""`curfew client`: every metadata field, secrets shown once, audit entries with each change."""

import json

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.cli.client_options import flag_of
from provider.clients import queries
from provider.clients.secrets import check_secret
from provider.infrastructure.database import db
from provider.protocol.client_metadata import FIELDS

ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": "AQ" * 21 + "A", "kid": "a"}
RED = ("--client-id", "red", "--redirect-uri", "https://red.test/cb")


def tags(looking):
    with looking():
        return [event.tag for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_a_client_is_added_listed_shown_updated_and_removed(curfew, looking):
    made = curfew("client", "add", *RED, "--first-party", "--json").json
    assert made["client_id"] == "red"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["id_token_signed_response_alg"] == "RS256"
    assert made["first_party"] is True
    with looking():
        assert check_secret(queries.get_by_client_id("red"), made["client_secret"])

    curfew("client", "update", "red", "--client-name", "Red", "--backchannel-logout-session-required")
    shown = curfew("client", "show", "red", "--json").json
    assert (shown["client_name"], shown["backchannel_logout_session_required"]) == ("Red", True)
    assert shown["redirect_uris"] == ["https://red.test/cb"]
    assert shown["first_party"] is True
    assert "client_secret" not in shown
    assert [one["client_id"] for one in curfew("client", "list", "--json").json] == ["red"]
    assert "Red" in curfew("client", "list").out

    curfew("client", "remove", "red")
    assert curfew("client", "show", "red", code=1).err == "curfew: there is no client 'red'\n"
    assert tags(looking) == ["client_added", "client_updated", "client_removed"]


@pytest.mark.spec("DEC-05")
def test_help_names_the_defaults_of_a_new_client(curfew):
    help_ = " ".join(curfew("client", "add", "--help").out.split())

    assert "RS256, ES256, EdDSA or PS256. Default: RS256." in help_
    assert "Default: authorization_code, refresh_token." in help_
    assert "Default: --no-require-auth-time." in help_
    # An omitted option of `update` changes nothing.
    assert "Default:" not in curfew("client", "update", "--help").out


def test_adding_a_client_prints_what_the_app_must_know(curfew):
    added = curfew("client", "add", *RED, "--post-logout-redirect-uri", "https://red.test/out")

    for fact in (
        "http://localhost:8900/.well-known/openid-configuration",
        "https://red.test/cb",
        "RS256",
        "client_secret_basic",
        "http://localhost:8900/session/end",
        "https://red.test/out",
        "client_secret: cfs_",
    ):
        assert fact in added.out
    assert "asked for consent" in added.err
    assert "consent" not in curfew("client", "add", "--client-id", "own", *RED[2:], "--first-party").err
    assert "session/end" not in curfew("client", "add", "--grant-type", "client_credentials").out


def test_a_new_client_follows_fapi_2_without_naming_a_signature(curfew, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [ED25519]}))

    made = curfew(
        "client", "add", *RED, "--token-endpoint-auth-method", "private_key_jwt", "--jwks", keys,
        "--require-pushed-authorization-requests", "--dpop-bound-access-tokens", "--json",
    ).json  # fmt: skip

    assert made["id_token_signed_response_alg"] == "PS256"


def test_id_tokens_say_what_the_scopes_allow_unless_the_operator_chooses_otherwise(curfew):
    assert curfew("client", "add", *RED, "--json").json["id_token_claims"] == "scopes"

    curfew("client", "update", "red", "--id-token-claims", "requested")
    curfew("client", "update", "red", "--client-name", "Red")
    assert curfew("client", "show", "red", "--json").json["id_token_claims"] == "requested"


def test_logout_tokens_name_both_unless_the_operator_chooses_one(curfew):
    curfew("client", "add", *RED)
    assert curfew("client", "show", "red", "--json").json["logout_token_names"] == "both"

    curfew("client", "update", "red", "--logout-token-names", "sub")
    assert "sub" in curfew("client", "show", "red").out

    curfew("client", "update", "red", "--client-name", "Red")
    assert curfew("client", "show", "red", "--json").json["logout_token_names"] == "sub"


def test_sub_alone_is_refused_to_a_client_that_requires_sid(curfew):
    required = "--backchannel-logout-session-required"
    uri = ("--backchannel-logout-uri", "https://red.test/told")
    for command in (
        ("client", "add", *RED, *uri, required, "--logout-token-names", "sub"),
        ("client", "update", "red", required, "--logout-token-names", "sub"),
        ("client", "update", "red", "--logout-token-names", "sub"),
    ):
        said = curfew(*command, code=1).err
        assert "logout_token_names cannot be sub" in said
        assert len(said.splitlines()) == 1
        if command[1] == "add":
            curfew("client", "add", *RED, *uri, required)


def test_every_metadata_field_has_an_option(curfew):
    help_ = curfew("client", "add", "--help").out.replace("\n", " ")

    for name in FIELDS:
        assert flag_of(name) in help_


def test_every_kind_of_option_arrives(curfew, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [ED25519]}))

    shown = curfew(
        "client", "add", *RED, "--redirect-uri", "https://red.test/other", "--contact", "ops@red.test",
        "--token-endpoint-auth-method", "private_key_jwt", "--jwks", keys, "--default-max-age", "60",
        "--require-auth-time", "--scope", "openid email", "--grant-lifetime", "30d",
        "--offline-policy", "ask", "--refresh-reuse-interval", "5s",
        "--confirm-sign-out", "always", "--no-notify-of-expiry", "--logout-token-names", "sid",
        "--refuse-when-degraded-for", "4h",
        "--backchannel-logout-uri", "https://red.test/told", "--result-page", "always", "--json",
    ).json  # fmt: skip

    assert shown["result_page"] == "always"
    assert shown["redirect_uris"] == ["https://red.test/cb", "https://red.test/other"]
    assert shown["jwks"]["keys"][0]["kid"] == "a"
    assert (shown["default_max_age"], shown["require_auth_time"]) == (60, True)
    assert (shown["grant_lifetime"], shown["offline_policy"]) == (30 * 86400, "ask")
    assert shown["refresh_reuse_interval"] == 5
    assert (shown["confirm_sign_out"], shown["told_of_expiry"]) == ("always", False)
    assert shown["logout_token_names"] == "sid"
    assert shown["refuse_when_degraded_for"] == 4 * 3600
    assert "client_secret" not in shown


def test_metadata_may_come_as_json_and_options_win_over_it(curfew):
    document = json.dumps({"redirect_uris": ["https://red.test/a"], "client_name": "Json", "flavour": "salt"})

    output = curfew(
        "client", "add", "--metadata-json", "-", "--client-name", "Option", "--json", stdin=document
    )

    assert output.json["client_name"] == "Option"
    assert output.json["redirect_uris"] == ["https://red.test/a"]
    assert output.err == "curfew: ignored, because unknown: flavour\n"


def test_whether_people_see_the_result_before_they_go_back_can_be_changed(curfew):
    assert curfew("client", "add", *RED, "--json").json["result_page"] == "when-pending"

    for choice in ("never", "always", "when-pending"):
        curfew("client", "update", "red", "--result-page", choice)
        curfew("client", "update", "red", "--client-name", "Red")
        assert curfew("client", "show", "red", "--json").json["result_page"] == choice


def test_whether_people_are_asked_and_it_is_notified_of_expiry_can_be_changed(curfew):
    made = curfew("client", "add", *RED, "--json").json
    assert (made["confirm_sign_out"], made["told_of_expiry"]) == ("when_needed", True)

    curfew("client", "update", "red", "--confirm-sign-out", "always", "--no-notify-of-expiry")
    curfew("client", "update", "red", "--client-name", "Red")
    shown = curfew("client", "show", "red", "--json").json
    assert (shown["confirm_sign_out"], shown["told_of_expiry"]) == ("always", False)

    curfew("client", "update", "red", "--confirm-sign-out", "when_needed", "--notify-of-expiry")
    shown = curfew("client", "show", "red", "--json").json
    assert (shown["confirm_sign_out"], shown["told_of_expiry"]) == ("when_needed", True)


def test_the_former_name_of_an_option_still_works_and_names_the_present_one(curfew):
    curfew("client", "add", *RED)

    output = curfew("client", "update", "red", "--no-told-of-expiry")

    assert "curfew: --told-of-expiry is now called --notify-of-expiry\n" in output.err
    assert curfew("client", "show", "red", "--json").json["told_of_expiry"] is False
    assert "told-of-expiry" not in curfew("client", "update", "--help").out


def test_an_empty_text_takes_a_field_away(curfew):
    curfew("client", "add", *RED, "--logo-uri", "https://red.test/logo.svg", "--contact", "a@red.test",
           "--grant-lifetime", "1d")  # fmt: skip

    curfew("client", "update", "red", "--logo-uri", "", "--contact", "", "--grant-lifetime", "")

    shown = curfew("client", "show", "red", "--json").json
    assert shown["grant_lifetime"] is None
    assert not {"logo_uri", "contacts"} & shown.keys()


def test_a_machine_client_needs_no_redirect_uri(curfew):
    shown = curfew("client", "add", "--grant-type", "client_credentials", "--json").json

    assert shown["response_types"] == []
    assert shown["client_secret"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        pytest.param(("--redirect-uri", "javascript:x"), "redirect_uris", id="a script"),
        pytest.param((), "redirect_uris", id="no redirect URI"),
        pytest.param(
            (*RED, "--token-endpoint-auth-method", "client_secret_jwt"),
            "token_endpoint_auth_method",
            id="KEY-20: client_secret_jwt",
        ),
        pytest.param(
            (*RED, "--backchannel-logout-uri", "http://10.0.0.1/x"),
            "CURFEW_OUTBOUND_ALLOW",
            id="DEC-12: plain http to a network that is not listed",
        ),
        pytest.param(
            (*RED, "--backchannel-logout-uri", "https://169.254.169.254/x"),
            "cannot be called",
            id="cloud metadata",
        ),
        pytest.param((*RED, "--deliver-to", "http://10.0.0.1/x"), "deliver_to", id="the override as well"),
        pytest.param((*RED, "--client-secret", "short"), "16", id="a short secret"),
        pytest.param((*RED, "--refresh-reuse-interval", "2m"), "60s", id="DEC-10"),
        pytest.param((*RED, "--refuse-when-degraded-for", "0s"), "greater than zero", id="DEC-09"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_one_line(curfew, looking, arguments, word):
    output = curfew("client", "add", *arguments, code=1)

    assert word in output.err
    assert len(output.err.splitlines()) == 1
    assert curfew("client", "list", "--json").json == []
    assert tags(looking) == []


def test_loopback_is_allowed_where_the_operator_allows_it(curfew):
    curfew("client", "add", *RED, "--backchannel-logout-uri", "http://127.0.0.1:8901/told")
    curfew("client", "update", "red", "--deliver-to", "http://localhost:8901/told")

    refused = curfew("client", "update", "red", "--client-name", "Red", code=1, CURFEW_OUTBOUND_ALLOW="")
    assert "deliver_to" in refused.err


def test_wrong_use_is_exit_code_2(curfew):
    curfew("client", "add", *RED, "--grant-lifetime", "soon", code=2)
    curfew("client", "add", *RED, "--metadata-json", "-", stdin="[]", code=2)
    curfew("client", "add", *RED, "--metadata-json", "-", stdin="{", code=2)
    curfew("client", "rotate-secret", "red", "--overlap", "soon", code=2)


def test_a_change_of_nothing_is_wrong_use(curfew):
    curfew("client", "add", *RED)

    assert "at least one change" in curfew("client", "update", "red", code=2).err


def test_a_disabled_client_stays_registered(curfew, looking):
    curfew("client", "add", *RED)

    curfew("client", "update", "red", "--disable")

    assert curfew("client", "show", "red", "--json").json["enabled"] is False
    with looking():
        assert queries.get_by_client_id("red").epoch == 1
