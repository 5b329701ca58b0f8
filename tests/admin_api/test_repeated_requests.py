"""Idempotency-Key: a request that is sent again does nothing a second time and gets the same response."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from provider.admin_api.operation import ROOT
from provider.clients.models import Client
from provider.infrastructure import repeated_requests
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import digest_of
from provider.infrastructure.repeated_requests import RepeatedRequest
from tests.support.reads import end_read

KEY = {"Idempotency-Key": "one-key"}
BLUE = {"metadata": {"client_name": "Blue", "redirect_uris": ["https://blue.test/callback"]}}


def count(table=Client) -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(table))


def test_a_repeated_request_gets_the_same_response_with_its_secret(admin):
    first = admin.post("/clients", BLUE, 201, **KEY)
    clients = count()

    assert admin.post("/clients", BLUE, 201, **KEY) == first
    assert count() == clients
    assert admin.post("/clients", BLUE, 201) != first


def test_the_kept_response_cannot_be_read_in_the_database(admin):
    secret = admin.post("/clients", BLUE, 201, **KEY)["client_secret"]

    end_read()
    kept = db.session.scalars(select(RepeatedRequest)).one()
    assert secret.encode() not in kept.sealed_body
    assert "one-key" not in kept.digest + kept.fingerprint


def test_the_same_key_for_another_request_is_refused(admin):
    admin.post("/clients", BLUE, 201, **KEY)

    problem = admin.post("/clients", BLUE | {"client_id": "other"}, 422, **KEY)

    assert problem["type"] == "urn:curfew:problem:idempotency_key_reused"


def test_another_caller_or_address_may_have_the_same_key(admin, as_service):
    admin.post("/clients", BLUE, 201, **KEY)

    as_service().post("/clients", BLUE, 201, **KEY)
    admin.post("/people", {"username": "ada"}, 201, **KEY)


def test_a_refused_request_may_be_sent_again(admin):
    admin.post("/people", {"username": "cleo"}, 409, **KEY)

    assert count(RepeatedRequest) == 0
    admin.post("/people", {"username": "cleo"}, 409, **KEY)


def test_a_request_that_is_being_answered_is_not_carried_out_twice(admin, cleo, turned_clock):
    name = f"{cleo.id} tool"
    digest = digest_of(f"{name}\nPOST /api/admin/v1/people\none-key")
    with transaction():
        claimed = repeated_requests.reserve(digest, digest_of('{"username": "ada"}'))

    assert admin.post("/people", {"username": "ada"}, 409, **KEY)["type"].endswith(":request_in_flight")
    # A process that died with it holds it for a minute.
    turned_clock.turn(timedelta(minutes=1, seconds=1))
    assert admin.post("/people", {"username": "ada"}, 201, **KEY)
    with pytest.raises(repeated_requests.InFlight), transaction():
        repeated_requests.keep(claimed, repeated_requests.KeptResponse(status=200, headers={}, body=b""))


def test_it_is_kept_for_a_day(admin, turned_clock):
    admin.post("/people", {"username": "ada"}, 201, **KEY)
    with transaction():
        for row in db.session.scalars(select(RepeatedRequest)):
            row.expires_at = turned_clock()

    assert admin.post("/people", {"username": "ada"}, 409, **KEY)["type"].endswith(":conflict")


def test_of_many_at_once_one_acts(app, admin):
    barrier, codes = Barrier(4), []

    def send():
        barrier.wait()
        proof = {"Authorization": f"Bearer {admin.token}"}
        http = app.test_client(use_cookies=False)
        response = http.post(f"{ROOT}/people", json={"username": "ada"}, headers=KEY | proof)
        codes.append(response.status_code)

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(codes) <= {201, 409}
    assert 201 in codes
    assert admin.get("/people", q="ada")["next"] is None


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
def test_a_key_has_a_form(admin, key):
    admin.post("/people", {"username": "ada"}, 400, **{"Idempotency-Key": key})
