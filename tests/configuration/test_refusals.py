"""An invalid configuration is refused, with all its errors at once, each with file, line and field."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from tests.configuration.conftest import HEAD, SECRET, SHOP
from tests.factories import make_client


def test_all_problems_are_said_at_once_with_file_line_and_field(curfew, file):
    path = file(
        """\
apiVersion: curfew/v2
configuration: Shop Team
policy: {}
"""
    )
    broken = file(
        """\
apiVersion: curfew/v1
configuration: shop-team
clients:
  shop:
    metadata:
      redirect_uris: [http://shop.example/*]
      redirect_uri: x
    options: {first_party: yes, grant_lifetime: soon, logout_token_names: all}
    enabled: 3
  spa:
    metadata: {token_endpoint_auth_method: none, redirect_uris: [https://spa.example/]}
    secret: SECRET
  curfew-console: {}
  two words: {secret: generated}
resources:
  nouri: {scopes: read}
roles: {zoe: viewer, ada: admin}
""".replace("SECRET", SECRET),
        "broken.yaml",
    )

    heads = curfew("plan", path, code=1).err.splitlines()
    assert [line.partition(f"{path}:")[2] for line in heads] == [
        "1: apiVersion must be curfew/v1",
        "2: configuration must name the owner of these objects: 1 to 64 of a-z 0-9 . _ -",
        "3: policy is not known; there are apiVersion, configuration, policies, clients, resources, roles",
    ]
    said = curfew("plan", broken, code=1).err
    for place in (
        "6: client shop.metadata.redirect_uris contains",
        "7: client shop.metadata.redirect_uri is not known",
        "8: client shop.options.first_party must be true or false",
        "8: client shop.options.grant_lifetime is not a time span",
        "8: client shop.options.logout_token_names must be one of both, sid, sub",
        "9: client shop.enabled must be true or false",
        "12: client spa.secret has no use",
        "13: client curfew-console is a part of the provider",
        "14: client two words cannot have this key",
        "16: resource nouri.scopes must be a list of texts",
        "17: role ada must be one of",
        "17: role zoe is not an account",
    ):
        assert f"{broken}:{place}" in said
    # A secret that was written into the file by mistake is not repeated.
    assert SECRET not in said


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (SECRET, "must be a reference"),
        ("env:NOT_SET", "environment variable NOT_SET, which is not set"),
        ("file:missing", "cannot be read: No such file or directory"),
        ("env:SHORT", "cannot be used"),
    ],
)
def test_a_dangling_reference_is_refused(curfew, file, reference, why):
    path = file(SHOP.replace("env:SHOP_SECRET", reference))

    assert why in curfew("plan", path, code=1, SHORT="short").err


def test_an_unwise_address_needs_a_word(curfew, file):
    text = SHOP.replace("https://shop.example/callback", "http://shop.local/callback")
    path = file(text)
    refused = curfew("plan", path, code=1, SHOP_SECRET=SECRET).err
    assert "accept_unwise_redirect_uris: true registers it nevertheless" in refused

    path = file(text.replace("    secret:", "    accept_unwise_redirect_uris: true\n    secret:"))
    curfew("apply", path, "--yes", SHOP_SECRET=SECRET)
    assert curfew("plan", path, SHOP_SECRET=SECRET).out == "No changes.\n"


def test_exit_code_2_means_changes_alone(curfew, file):
    assert "Missing argument" in curfew("plan", code=1).err
    assert "No such option" in curfew("plan", "x", "--colour", code=1).err
    assert "cannot be read" in curfew("plan", "missing.yaml", code=1).err
    assert "issuer must be" in curfew("plan", "x", code=1, CURFEW_ISSUER="nonsense").err


def test_without_a_terminal_a_plan_or_a_word_is_needed(curfew, file):
    refused = curfew("apply", file(SHOP), code=2, SHOP_SECRET=SECRET)

    assert "use --yes" in refused.err
    curfew("client", "show", "shop", code=1)


def test_two_files_of_one_owner_are_one_configuration(curfew, shop, file):
    second = file(f"{HEAD}clients: {{shop: {{}}}}\n", "second.yaml")

    assert (
        f"{second}:3: client shop is described already, in {shop}:4"
        in curfew("plan", shop, second, code=1, SHOP_SECRET=SECRET).err
    )
    file(SHOP.split("resources:", maxsplit=1)[0])
    rest = file(
        "apiVersion: curfew/v1\nconfiguration: shop-team\nresources:" + SHOP.split("resources:")[1], "r.yaml"
    )
    assert curfew("plan", shop, rest, "--prune", SHOP_SECRET=SECRET).out == "No changes.\n"


def test_a_removed_client_s_id_and_a_self_registered_one_are_refused(curfew, file, looking):
    with looking():
        red = make_client("red")
        green = make_client("green")
        with transaction():
            db.session.get_one(type(red), red.id).self_registered = True
    curfew("client", "remove", "green", "--yes")
    path = file(f"{HEAD}clients: {{red: {{secret: generated}}, GREEN: {{secret: generated}}}}\n")

    said = curfew("plan", path, "--adopt", code=1).err
    assert "client red registered itself" in said
    assert "client GREEN cannot be added" in said
    assert green.client_id not in curfew("export").out
    assert "left out: 1 clients that registered themselves" in curfew("export").err


def test_one_entry_of_the_audit_names_the_plan(curfew, shop, looking):
    with looking():
        applied = db.session.scalars(
            select(AuditEvent).where(AuditEvent.tag == "configuration_applied")
        ).one()

    assert applied.detail["created"] == ["client shop", "resource https://api.example/"]
    assert len(applied.detail["plan_hash"]) == 64
    assert applied.actor_name
