"""`curfew keys rekey`: the secret key is replaced while processes work on; then the old one opens nothing.

A site stands for a process: one that was started with the old key and goes on, or a new one.
"""

from datetime import timedelta

import jwt
import pytest
from sqlalchemy import delete, select, update

from provider.accounts import hash_sealing
from provider.accounts.models import Account
from provider.app import compose_services
from provider.audit import chain
from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.audit.verify import verify
from provider.clients import secrets as client_secrets
from provider.clients.models import Client
from provider.infrastructure import current, data_keys
from provider.infrastructure.data_keys import LOOK_AGAIN_AFTER, DataKey
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.secrets import read_key_file
from provider.keys.models import SigningKey
from tests.factories import PASSWORD, make_account, make_session
from tests.keys.fleet import Fleet
from tests.support.browsers import Page, follow
from tests.support.device import Device, answer
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, type_password

REFUSED, WRONG_SETTINGS = 1, 2


@pytest.fixture
def ada(fleet):
    return make_account("ada")


@pytest.fixture
def red(app, ada):
    return RelyingParty(app, "red", subject_type="pairwise", id_token_signed_response_alg="ES256")


def works(app, red, earlier=None) -> dict:
    """Do all that needs a stored secret: a password, a client's secret, a signing key; returns tokens."""
    browser = app.test_client()
    type_password(browser, red.authorize(browser))
    made = red.sign_in(browser, scope="openid offline_access")
    assert red.introspect(made["access_token"])["active"]
    if earlier is not None:
        made["refreshed"] = red.refresh(earlier["refresh_token"]).json["id_token"]
    return made


def subs_of(app, *id_tokens) -> set[str]:
    """The subjects of ID Tokens whose signatures the published keys verify."""
    keys = {one["kid"]: jwt.PyJWK(one) for one in app.test_client().get("/jwks").json["keys"]}
    read = [
        jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], audience="red")
        for token in id_tokens
    ]
    return {claims["sub"] for claims in read}


def test_the_key_is_replaced_while_everything_works_on(app, fleet, red):
    made = [works(app, red)]

    counts = fleet.replace_key()

    # The process of before, one that is started again with the old key, and a new one: in any order.
    for site in (fleet.old, fleet.start(fleet.settings.secret_key), fleet.start()):
        fleet.work(site)
        made.append(works(app, red, made[-1]))
    assert (counts["client_secrets"], counts["passwords"], counts["generation"]) == (1, 1, 1)
    assert counts["signing_keys"] > 0

    assert fleet.rekey("--finish")["removed"] == 2
    fleet.start()
    made.append(works(app, red, made[-1]))
    tokens = [one[name] for one in made for name in ("id_token", "refreshed") if name in one]
    assert len(tokens) == 9
    # A pairwise subject is for ever, whatever keys come.
    assert len(subs_of(app, *tokens)) == 1
    assert verify().problems == ()


def test_the_old_key_opens_nothing_after_the_end(fleet, red):
    fleet.replace_key()
    fleet.rekey("--finish")

    said = fleet.rekey(key=fleet.settings.secret_key, code=WRONG_SETTINGS)

    assert said.startswith("curfew: the secret key does not match this database")
    assert said.count("\n") == 1
    old = compose_services(fleet.settings).data_keys.root
    rows = [*db.session.scalars(select(DataKey)), *db.session.scalars(select(SigningKey))]
    assert not any(row.sealed_by == old.name for row in rows if isinstance(row, DataKey))
    stored = db.session.scalars(select(Client)).one()
    assert stored.secret_digest != old.layered_digest("client-secret", "red-secret", generation=0)


def test_a_process_that_was_forgotten_works_on_and_says_so(app, fleet, red, capfd):
    fleet.work(fleet.old)
    works(app, red)
    fleet.replace_key()
    works(app, red)
    fleet.rekey("--finish")

    works(app, red)


def test_what_was_interrupted_goes_on(app, fleet, red):
    RelyingParty(app, "green")
    make_account("ben")
    with transaction():
        data_keys.begin_rotation(current.data_keys(), read_key_file(fleet.path))
    with transaction():
        assert client_secrets.seal_anew(None, 1)[0] == 1
        assert hash_sealing.seal_anew(None, 1)[0] == 1
    # Killed here: half is sealed by the new data key, half by the old one.
    fleet.key = fleet.path.read_text()
    fleet.start()
    works(app, red)

    counts = fleet.rekey("--new-key-file", fleet.path, key=fleet.settings.secret_key)

    assert (counts["client_secrets"], counts["passwords"], counts["generation"]) == (1, 1, 1)
    assert fleet.rekey() == counts | {"client_secrets": 0, "passwords": 0}
    works(app, red)


def test_a_second_rotation_brings_another_layer(app, fleet, red, tmp_path):
    for number in (1, 2):
        fleet.path = tmp_path / f"{number}.key"
        assert fleet.replace_key()["generation"] == number
        fleet.rekey("--finish")
        fleet.start()
        works(app, red)
    assert verify().problems == ()


def test_two_secrets_are_in_force_across_a_rotation(app, fleet, red):
    fleet.replace_key()
    fleet.start()

    with transaction():
        client = db.session.scalars(select(Client).where(Client.client_id == "red")).one()
        client_secrets.replace(client, "another secret of sixteen letters")

    end_read()
    for secret in ("red-secret-of-thirty-two-letters", "another secret of sixteen letters"):
        assert red.http.post("/introspect", data={"token": "x"}, auth=("red", secret)).status_code == 200
    wrong = red.http.post("/introspect", data={"token": "x"}, auth=("red", "a secret that is wrong"))
    assert wrong.status_code == 401


def test_a_page_that_was_open_before_is_answered_afterwards(app, fleet, red):
    browser = app.test_client()
    page = Page(browser, follow(browser, red.authorize(browser)))
    fleet.replace_key()
    fleet.start()

    page.press("sign-in", username="ada", password=PASSWORD)

    assert browser.get_cookie("curfew_session") is not None


def test_a_refresh_may_be_repeated_at_a_process_that_has_not_looked_yet(app, fleet, red, turned_clock):
    made = works(app, red)
    fleet.replace_key()
    fleet.start()
    once = red.refresh(made["refresh_token"]).json["refresh_token"]

    turned_clock.turn(LOOK_AGAIN_AFTER + timedelta(seconds=2))
    fleet.work(fleet.old)
    again = red.refresh(made["refresh_token"])

    assert again.json["refresh_token"] == once


def test_device_codes_are_known_to_all_processes_during_a_rotation(app, fleet, ada, turned_clock):
    device, made = Device(app), make_session(ada)
    early = [device.begin()["user_code"] for _ in range(2)]
    fleet.replace_key()
    new = fleet.start()
    late = [device.begin()["user_code"] for _ in range(2)]
    turned_clock.turn(LOOK_AGAIN_AFTER + timedelta(seconds=2))

    for site in (fleet.old, new):
        fleet.work(site)
        assert [answer(codes.pop(), made) for codes in (early, late)] == [True, True]


def test_the_old_key_vouches_for_nothing_that_was_written_after_it(fleet):
    fleet.replace_key()
    fleet.rekey("--finish")
    fleet.start()
    with transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="blue")
    assert verify().problems == ()

    fleet.work(fleet.old)
    with transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="forged")
    fleet.start()

    [problem] = verify().problems
    assert problem.endswith("was written with a secret key that had been replaced")


def test_the_old_key_vouches_for_no_pruned_part(fleet, red):
    fleet.replace_key()
    fleet.rekey("--finish")
    new = fleet.start()
    with transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="blue")
    with transaction():
        chain.seal()
    assert verify().problems == ()

    # Everything but the last entry is deleted, that of the rotation too, and the old key says it was old.
    end = select(AuditEvent.seq, AuditEvent.chain).where(AuditEvent.seq == chain.head().seq - 1)
    seq, proof = db.session.execute(end).one()
    fleet.work(fleet.old)
    with transaction():
        change(delete(AuditEvent).where(AuditEvent.seq <= seq))
        record(EventTag.AUDIT_PRUNED, actor="system", through=seq, chain=proof)
    fleet.work(new)

    assert verify().problems[0].startswith(f"entries 1 to {seq} are missing, before ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--finish",), REFUSED, "is the one being replaced", id="finish with the old key"),
        pytest.param(("--new-key-file", "third.key"), REFUSED, "another rotation", id="a third key"),
        pytest.param(("--new-key-file", "new.key", "--finish"), WRONG_SETTINGS, "two steps", id="both steps"),
    ],
)
def test_what_would_lock_processes_out_is_refused(fleet, tmp_path, monkeypatch, arguments, code, said):
    fleet.replace_key()
    monkeypatch.chdir(tmp_path)

    assert said in fleet.rekey(*arguments, key=fleet.settings.secret_key, code=code)
    fleet.rekey()


def test_the_key_that_is_set_is_no_new_key(fleet):
    fleet.path.touch(mode=0o600)
    fleet.path.write_text(fleet.settings.secret_key)

    assert "set already" in fleet.rekey("--new-key-file", fleet.path, code=REFUSED)


def test_the_new_key_is_its_owners_alone(fleet):
    fleet.replace_key()
    assert fleet.path.stat().st_mode & 0o777 == 0o600

    fleet.path.chmod(0o644)
    assert "chmod 600" in fleet.rekey("--new-key-file", fleet.path, code=REFUSED)


def test_after_an_upgrade_bare_password_hashes_are_sealed(app, settings, signing_keys, tmp_path):
    fleet = Fleet(app, settings, tmp_path / "new.key")
    ada = make_account("ada")
    red = RelyingParty(app, "red", id_token_signed_response_alg="ES256")
    # The earlier release, which may still be at work, could read nothing else.
    assert ada.password_hash.startswith("$argon2id$")

    assert fleet.rekey()["passwords"] == 1

    end_read()
    assert db.session.scalar(select(Account.password_hash)).startswith("sealed:0:")
    fleet.start()
    works(app, red)


def test_a_password_hash_opens_for_its_own_account_alone(app, fleet, red, ada):
    ben = make_account("ben")
    with transaction():
        change(update(Account).where(Account.id == ben.id).values(password_hash=ada.password_hash))
    db.session.expire_all()

    browser = app.test_client()
    type_password(browser, red.authorize(browser), "ben")

    assert browser.get_cookie("curfew_session") is None
