"""A person's past sign-outs: the list, and the receipt of each, which no other person gets."""

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.inspection.receipt_check import check
from provider.keys.jwks import published_jwks
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from tests.factories import PASSWORD, make_account, make_session
from tests.support.browsers import Page, follow, show_session

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def sign_out(account, *clients) -> Logout:
    made = make_session(account, list(clients))
    with transaction():
        return end(made.session, Cause(reason=LogoutReason.USER, initiator="account")).logout


@pytest.fixture
def here(http, ada):
    """Ada's browser."""
    return show_session(http, make_session(ada))


def test_the_account_page_leads_to_the_list_and_the_list_to_the_receipt(here, ada, red):
    logout = sign_out(ada, red)
    assert 'href="/account/sign-outs"' in here.get("/account").text

    listed = here.get("/account/sign-outs").text
    receipt = here.get(f"/account/sign-outs/{logout.id}/receipt")

    assert f'href="/account/sign-outs/{logout.id}/receipt"' in listed
    assert "0 of 1 notification confirmed" in listed
    assert receipt.mimetype == "application/vnd.curfew.logout-receipt+jwt"
    assert receipt.headers["Content-Disposition"] == f'attachment; filename="logout-{logout.id}.jwt"'
    assert "no-store" in receipt.headers["Cache-Control"]
    assert check(receipt.data, published_jwks()["keys"]).content.logout_id == logout.id


def test_another_persons_receipt_is_not_found_and_not_listed(here, red):
    of_ben = sign_out(make_account("ben"), red)

    shown = [here.get(f"/account/sign-outs/{one}/receipt") for one in (of_ben.id, new_id())]
    listed = [here.get(f"/account/sign-outs?after={one}") for one in (of_ben.id, new_id())]

    assert {response.status_code for response in (*shown, *listed)} == {404}
    assert str(of_ben.id) not in here.get("/account/sign-outs").text
    assert here.get("/account/sign-outs?after=x").status_code == 400


def test_without_a_sign_in_there_is_no_receipt_but_the_way_to_the_list(http, ada, red):
    logout = sign_out(ada, red)

    asked = http.get(f"/account/sign-outs/{logout.id}/receipt")
    signed_in = Page(http, http.get(asked.headers["Location"])).press(
        "sign-in", username="ada", password=PASSWORD
    )

    assert f"receipt-{logout.id}" in follow(http, signed_in).text


def test_a_long_list_goes_on_behind_the_last_one(here, ada):
    for _ in range(21):
        sign_out(ada)
    newest = list(db.session.scalars(select(Logout.id).order_by(Logout.at.desc(), Logout.id.desc())))

    older = here.get(f"/account/sign-outs?after={newest[19]}").text

    assert f"?after={newest[19]}" in here.get("/account/sign-outs").text
    assert older.count('id="receipt-') == 1
    assert f"receipt-{newest[20]}" in older
