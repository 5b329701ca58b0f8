"""Signing in with a real browser, whose connections and pages are not ours."""

import pytest

from demo.phone import address_in
from tests.native.conftest import PASSWORD
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.browser]


def test_a_person_signs_in_and_out_with_chromium(phone, page):
    with phone.running("login", "--no-browser") as process:
        page.goto(address_in(process))
        page.fill("input[name=username]", "ada")
        page.fill("input[name=password]", PASSWORD)
        page.click("#sign-in")
        page.click("#allow")
        page.wait_for_url("http://127.0.0.1:*/callback*")
        said, _ = process.communicate(timeout=PATIENCE)

    assert "Signed in as Ada." in said
    assert page.inner_text("h1") == "Back to the app"
    with phone.running("logout", "--browser", "--no-browser") as process:
        page.goto(address_in(process))
        process.communicate(timeout=PATIENCE)
    page.click("#sign-out")
    page.wait_for_url("**/session/ended/**")
    with phone.running("login", "--no-browser") as process:
        page.goto(address_in(process))
        assert page.is_visible("#sign-in")
