"""`curfew plan` and `apply`: what was reviewed is what is done, to owned objects alone."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.clients import queries
from provider.clients.secrets import check_secret
from provider.infrastructure.database import db
from provider.logout.models import BulkLogout
from tests.configuration.conftest import HEAD, SECRET, SHOP
from tests.factories import make_account, make_client, make_session


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_a_file_makes_clients_and_resource_servers(curfew, shop, looking):
    made = curfew("client", "show", "shop", "--json").json

    assert (made["client_name"], made["first_party"], made["grant_lifetime"]) == ("Shop", True, 2_592_000)
    assert made["token_endpoint_auth_methods"] == ["client_secret_basic", "client_secret_post"]
    assert curfew("resource", "show", "https://api.example/", "--json").json["client_id"] == "shop"
    with looking():
        assert check_secret(queries.get_by_client_id("shop"), SECRET)
    assert curfew("plan", shop, SHOP_SECRET=SECRET).out == "No changes.\n"


def test_a_field_that_is_left_out_returns_to_its_default(curfew, shop):
    changed(shop, "    options: {first_party: true, grant_lifetime: 30d}\n", "")
    shown = curfew("plan", shop, code=2, SHOP_SECRET=SECRET).out

    assert "  ~ client shop (update, shop-team)" in shown
    assert '      grant_lifetime: "30d" → (none)' in shown
    curfew("apply", shop, "--yes", SHOP_SECRET=SECRET)
    assert curfew("client", "show", "shop", "--json").json["first_party"] is False


def test_only_the_reviewed_plan_is_applied(curfew, shop):
    changed(shop, "client_name: Shop", "client_name: Store")
    reviewed = curfew("plan", shop, "--json", code=2, SHOP_SECRET=SECRET).json["hash"]
    curfew("client", "update", "shop", "--contact", "ops@shop.example")

    refused = curfew("apply", shop, "--plan", reviewed, code=1, SHOP_SECRET=SECRET)

    assert "not the plan that was reviewed" in refused.err
    assert curfew("client", "show", "shop", "--json").json["client_name"] == "Shop"
    again = curfew("plan", shop, "--json", code=2, SHOP_SECRET=SECRET).json
    # What was changed by hand is undone, and that is part of the plan.
    assert again["changes"][0]["fields"]["contacts"] == {"before": ["ops@shop.example"], "after": None}
    curfew("apply", shop, "--plan", again["hash"], SHOP_SECRET=SECRET)
    assert curfew("client", "show", "shop", "--json").json["client_name"] == "Store"


def test_another_secret_is_another_plan(curfew, shop):
    first, second = (
        curfew("plan", shop, "--json", code=2, SHOP_SECRET=SECRET + number).json["hash"] for number in "12"
    )

    assert first != second


def test_a_replaced_secret_is_a_danger_and_is_never_shown(curfew, shop, looking):
    planned = curfew("plan", shop, code=2, SHOP_SECRET="another-secret-of-this-test").out
    applied = curfew("apply", shop, "--yes", "--json", SHOP_SECRET="another-secret-of-this-test").out

    assert "! replaces the secret; the old one works for another day" in planned
    assert "another-secret" not in planned + applied
    with looking():
        client = queries.get_by_client_id("shop")
        assert check_secret(client, "another-secret-of-this-test")
        assert check_secret(client, SECRET)
        said = json.dumps([one.detail for one in db.session.scalars(select(AuditEvent))])
    assert "another-secret" not in said


def test_a_generated_secret_is_kept_in_a_file_of_one_s_own(curfew, file, tmp_path, looking):
    path, kept = file(SHOP.replace("env:SHOP_SECRET", "generated")), tmp_path / "secrets.json"

    shown = curfew("apply", path, "--yes", "--secrets-file", kept).out

    secret = json.loads(kept.read_text())["shop"]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert secret not in shown
    with looking():
        assert check_secret(queries.get_by_client_id("shop"), secret)
    assert curfew("plan", path).out == "No changes.\n"
    taken = curfew(
        "apply",
        file(SHOP.replace("shop:", "store:").replace("env:SHOP_SECRET", "generated")),
        "--yes",
        "--secrets-file",
        kept,
        code=1,
    )
    assert "cannot be made: File exists" in taken.err


def test_a_generated_secret_is_printed_once(curfew, file):
    path = file(SHOP.replace("env:SHOP_SECRET", "generated"))

    assert "client_secret of shop: cfs_" in curfew("apply", path, "--yes").out


def test_a_secret_comes_from_a_file_beside_the_configuration(curfew, file, looking):
    file(SECRET + "\n", "secret")
    curfew("apply", file(SHOP.replace("env:SHOP_SECRET", "file:secret")), "--yes")

    with looking():
        assert check_secret(queries.get_by_client_id("shop"), SECRET)


def test_what_was_made_by_hand_is_not_touched(curfew, file, looking):
    with looking():
        make_client("shop")
    path = file(SHOP.replace("    secret: env:SHOP_SECRET\n", ""))

    refused = curfew("apply", path, "--yes", code=1).err
    assert f"{path}:4: client shop was made by hand and is not as the file says; --adopt" in refused
    curfew("apply", path, "--yes", "--adopt")
    assert curfew("plan", path).out == "No changes.\n"


def test_another_configuration_s_objects_are_not_touched(curfew, shop, file):
    other = file(SHOP.replace("shop-team", "sales"), "sales.yaml")

    refused = curfew("plan", other, code=1, SHOP_SECRET=SECRET).err
    assert "is owned by the configuration shop-team; --adopt-from shop-team takes it over" in refused
    curfew("apply", other, "--yes", "--adopt-from", "shop-team", SHOP_SECRET=SECRET)
    assert "owned by the configuration sales" in curfew("plan", shop, code=1, SHOP_SECRET=SECRET).err


def test_a_removal_is_asked_for_apart_and_says_what_ends(curfew, shop, file, looking):
    with looking():
        make_session(make_account("ada"), [queries.get_by_client_id("shop"), make_client("red")])
    empty = file(HEAD)

    left = curfew("plan", empty).out
    assert "in no file (--prune removes them): client shop, resource https://api.example/." in left
    planned = curfew("plan", empty, "--prune", code=2).out
    assert "! - client shop (remove, shop-team)" in planned
    assert "! ends 1 session at the app, 1 grant and 0 service tokens" in planned
    curfew("apply", empty, "--prune", "--yes")
    curfew("client", "show", "shop", code=1)
    curfew("client", "show", "red")
    assert curfew("plan", empty, "--prune").out == "No changes.\n"


def test_dangers_are_marked(curfew, shop):
    changed(
        shop, "redirect_uris: [https://shop.example/callback]", "redirect_uris: [https://shop.example/cb]"
    )
    changed(shop, "client_name: Shop", "scope: openid profile")
    changed(shop, "      backchannel_logout_uri: https://shop.example/backchannel-logout\n", "")
    changed(shop, "    secret:", "    enabled: false\n    secret:")

    dangers = curfew("plan", shop, "--json", code=2, SHOP_SECRET=SECRET).json["changes"][0]["dangers"]

    assert dangers == [
        "removes https://shop.example/callback from redirect_uris",
        "the app is no longer notified of sign-outs",
        "the app may no longer ask for the scopes email, address, phone",
        "takes offline access away: 0 offline grants will end",
        "ends 0 sessions at the app, 0 grants and 0 service tokens",
    ]


def test_lost_offline_access_ends_grants_as_by_hand(curfew, shop, looking):
    with looking():
        shop_client = queries.get_by_client_id("shop")
        make_session(make_account("ada"), [shop_client], offline=("shop",))
    changed(shop, "client_name: Shop", "scope: openid profile")
    assert "1 offline grant will end" in curfew("plan", shop, code=2, SHOP_SECRET=SECRET).out
    curfew("apply", shop, "--yes", SHOP_SECRET=SECRET)

    with looking():
        assert db.session.scalars(select(BulkLogout.kind)).all() == ["client_offline"]


def test_roles_are_given_and_taken(curfew, file, looking):
    with looking():
        make_account("ada"), make_account("ben")
    head = "apiVersion: curfew/v1\nconfiguration: admins\n"
    both = file(head + "roles: {ada: administrator, ben: viewer}\n")
    curfew("apply", both, "--yes")
    # The only administrator goes in the moment in which another one comes.
    swapped = file(head + "roles: {ada: viewer, ben: administrator}\n")
    assert "! ada may do less than before" in curfew("plan", swapped, code=2).out
    curfew("apply", swapped, "--yes")
    assert curfew("user", "show", "ben", "--json").json["role"] == "administrator"
    last = curfew("apply", file(head), "--prune", "--yes", code=1)
    assert "last administrator" in last.err
    # One transaction: the role of Ada, who came first, is still there.
    assert curfew("user", "show", "ada", "--json").json["role"] == "viewer"
    file(head + "roles: {ben: administrator}\n")
    curfew("apply", both, "--prune", "--yes")
    assert curfew("user", "show", "ada", "--json").json["role"] is None


@pytest.mark.parametrize(
    ("before", "after", "danger"),
    [
        ("[read, write]", "[read]", "! new tokens no longer carry the scopes write"),
        ("[]", "[read]", "! new tokens carry only the scopes read; until now, any scope"),
        ("[read]", "[read, write]", None),
        ("[read]", "[]", None),
    ],
)
def test_fewer_scopes_of_a_resource_server_are_a_danger(curfew, file, before, after, danger):
    """Without a list it has any scope."""
    stated = "apiVersion: curfew/v1\nconfiguration: api\nresources: {urn:api: {scopes: %s}}\n"
    curfew("apply", file(stated % before), "--yes")

    planned = curfew("plan", file(stated % after), code=2).out

    assert (danger in planned) if danger else ("!" not in planned)


def test_fewer_scopes_of_a_client_are_a_danger(curfew, file):
    stated = SHOP.replace("client_name: Shop", "client_name: Shop\n      scope: %s")
    curfew("apply", file(stated % "openid profile email"), "--yes", SHOP_SECRET=SECRET)

    planned = curfew("plan", file(stated % "openid phone"), code=2, SHOP_SECRET=SECRET).out
    widened = curfew("plan", file(stated % "openid profile email phone"), code=2, SHOP_SECRET=SECRET).out

    assert "! the app may no longer ask for the scopes profile, email" in planned
    assert "!" not in widened
