"""Each token lives by its own scope: without offline_access it ends with its client session (core §11)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from provider.infrastructure.database import change, db, transaction
from provider.inspection import check as checking
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken
from tests.endpoints.test_token_exchange import Service
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press

OFFLINE = "openid profile offline_access"


def allow_offline(rp, browser):
    asked = rp.authorize(browser, scope=OFFLINE, prompt="consent")
    return rp.exchange(query_of(press(browser, asked, "allow"))["code"]).json


def sign_in_only(rp, browser):
    return rp.sign_in(browser, scope="openid profile")


def lives(rp, tokens) -> bool:
    """Whether tokens work, at every place that can tell."""
    active = rp.introspect(tokens["access_token"])["active"]
    assert (rp.userinfo(tokens["access_token"]).status_code == 200) == active
    if "refresh_token" in tokens:
        assert rp.introspect(tokens["refresh_token"])["active"] == active
    return active


def sign_out_of_browser(browser):
    Page(browser, follow(browser, browser.get("/session/end"))).press("sign-out")


def sign_out_of_app(browser):
    Page(browser, follow(browser, browser.get("/account"))).press("sign-out-app-red")


def disconnect(browser):
    Page(browser, follow(browser, browser.get("/account"))).press("disconnect-red")


def sign_out_everywhere(browser):
    Page(browser, follow(browser, browser.get("/account/everywhere"))).press("sign-out-everywhere-confirm")


def found_wrong() -> dict[str, int]:
    end_read()
    return {one.name: one.wrong for one in checking.check() if one.wrong}


ORDERS = pytest.mark.parametrize(
    "steps",
    [
        pytest.param((allow_offline, sign_in_only), id="offline access first"),
        pytest.param((sign_in_only, allow_offline), id="offline access second"),
    ],
)
ENDINGS = pytest.mark.parametrize(
    "end",
    [
        pytest.param(sign_out_of_browser, id="she signs out of the browser"),
        pytest.param(sign_out_of_app, id="she signs out of the app"),
    ],
)


@pytest.mark.spec("core 23")
@ORDERS
@ENDINGS
def test_a_token_without_offline_access_ends_with_its_session(signed_in, rp, app, steps, end):
    api = Service(app)
    tokens = {step: step(rp, signed_in) for step in steps}
    exchanged = {step: api.taken(one["access_token"], scope="openid") for step, one in tokens.items()}

    end(signed_in)

    assert lives(rp, tokens[allow_offline])
    assert lives(api, exchanged[allow_offline])
    assert not lives(rp, tokens[sign_in_only])
    assert not lives(api, exchanged[sign_in_only])
    assert rp.refresh(tokens[sign_in_only]["refresh_token"]).json["error"] == "invalid_grant"
    assert lives(rp, rp.refresh(tokens[allow_offline]["refresh_token"]).json)


@ENDINGS
def test_what_a_refresh_gave_is_bound_as_the_token_was(signed_in, rp, end):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)
    # A narrower access token no longer says that its refresh token is an offline one.
    fresh_offline = rp.refresh(offline["refresh_token"], scope="openid").json
    fresh_online = rp.refresh(online["refresh_token"]).json

    end(signed_in)

    assert lives(rp, fresh_offline)
    assert not lives(rp, fresh_online)


def test_a_signed_access_token_is_bound_as_an_opaque_one(app, signed_in):
    red = RelyingParty(app, access_token_format="jwt")
    offline, online = allow_offline(red, signed_in), sign_in_only(red, signed_in)

    sign_out_of_browser(signed_in)

    assert lives(red, offline)
    assert not lives(red, online)


def test_giving_back_a_session_bound_token_leaves_offline_access(signed_in, rp):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)

    assert rp.revoke(online["refresh_token"]).status_code == 200

    assert not lives(rp, online)
    assert lives(rp, offline)


def test_offline_access_that_a_client_lost_ends_offline_tokens_alone(signed_in, rp):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)
    with transaction():
        rp.client.registered = rp.client.registered | {"scope": "openid profile"}

    assert rp.refresh(offline["refresh_token"]).json["error"] == "invalid_grant"
    assert rp.refresh(online["refresh_token"]).status_code == 200


@ENDINGS
def test_tokens_of_the_previous_release_are_judged_by_their_scope(signed_in, rp, end):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)
    with transaction():
        for table in (AccessToken, RefreshToken):
            assert change(update(table).values(offline=None)) == 2

    end(signed_in)

    assert lives(rp, offline)
    assert not lives(rp, online)


@pytest.mark.parametrize("table", [AccessToken, RefreshToken])
@pytest.mark.parametrize("code_is_kept", [True, False], ids=["with its code", "without its code"])
def test_the_check_finds_a_token_that_outlived_its_session(signed_in, rp, table, code_is_kept):
    allow_offline(rp, signed_in)
    online = sign_in_only(rp, signed_in)
    sign_out_of_browser(signed_in)
    assert found_wrong() == {}

    with transaction():
        if not code_is_kept:
            db.session.execute(delete(AuthorizationCode))
        first = select(RefreshToken.family_id).where(~RefreshToken.scope.contains("offline_access"))
        of_family = update(table).where(table.family_id.in_(first.scalar_subquery()))
        assert change(of_family.values(offline=True)) == 1

    name = "access_token" if table is AccessToken else "refresh_token"
    assert rp.introspect(online[name])["active"]
    assert found_wrong() == {f"live_{name}_of_what_has_ended": 1}


@dataclass
class Share:
    """The client session of one browser with the grant below it, as a person would expect them."""

    offline: bool = False
    is_open: bool = True
    is_allowed: bool = True


@dataclass
class Issued:
    """Tokens with what they were asked for."""

    holder: RelyingParty
    tokens: dict
    share: Share
    offline: bool

    @property
    def must_live(self) -> bool:
        return self.share.is_allowed and (self.offline or self.share.is_open)


class Ada:
    """A person with two browsers at one app, and what should be alive after each of her steps."""

    def __init__(self, rp: RelyingParty, api: Service, browsers: Callable, name: str) -> None:
        self.rp, self.api = rp, api
        account = make_account(name)
        self.browsers = [show_session(browsers(), make_session(account)) for _ in range(2)]
        self.signed_in = [True, True]
        self.shares: list[Share | None] = [None, None]
        self.issued: list[Issued] = []

    def authorize(self, n: int, *, offline: bool) -> None:
        if not self.signed_in[n]:
            return
        share = self.shares[n] = self.shares[n] or Share()
        share.offline = share.offline or offline
        tokens = (allow_offline if offline else sign_in_only)(self.rp, self.browsers[n])
        self.issued.append(Issued(self.rp, tokens, share, offline))

    def refresh(self, n: int) -> None:
        own = [one for one in self.issued if "refresh_token" in one.tokens]
        if own:
            one = own[n % len(own)]
            answer = self.rp.refresh(one.tokens["refresh_token"])
            assert (answer.status_code == 200) == one.must_live
            if one.must_live:
                del one.tokens["refresh_token"]
                self.issued.append(Issued(self.rp, answer.json, one.share, one.offline))

    def exchange(self, n: int) -> None:
        own = [one for one in self.issued if one.holder is self.rp]
        if own:
            one = own[n % len(own)]
            answer = self.api.take(one.tokens["access_token"], scope="openid")
            assert (answer.status_code == 200) == one.must_live
            if one.must_live:
                self.issued.append(Issued(self.api, answer.json, one.share, one.offline))

    def sign_out_of_app(self, n: int) -> None:
        if self.signed_in[n] and self.shares[n]:
            sign_out_of_app(self.browsers[n])
            self._close(n)

    def sign_out_of_browser(self, n: int) -> None:
        if self.signed_in[n]:
            sign_out_of_browser(self.browsers[n])
            self.signed_in[n] = False
            self._close(n)

    def sign_out_everywhere(self, n: int) -> None:
        if self.signed_in[n]:
            sign_out_everywhere(self.browsers[n])
            self.signed_in = [False, False]
            self._end_all()

    def disconnect(self, n: int) -> None:
        if self.signed_in[n] and any(one.must_live for one in self.issued):
            disconnect(self.browsers[n])
            self._end_all()

    def _close(self, n: int) -> None:
        share, self.shares[n] = self.shares[n], None
        if share:
            share.is_open, share.is_allowed = False, share.offline

    def _end_all(self) -> None:
        for one in self.issued:
            one.share.is_open = one.share.is_allowed = False
        self.shares = [None, None]

    def check(self) -> None:
        for one in self.issued:
            assert lives(one.holder, one.tokens) == one.must_live


AUTHORIZING = st.tuples(st.sampled_from(["online", "offline"]), st.integers(0, 1))
USING = st.tuples(st.sampled_from(["refresh", "exchange"]), st.integers(0, 5))
ENDING = st.tuples(
    st.sampled_from(["sign_out_of_app", "sign_out_of_browser", "sign_out_everywhere", "disconnect"]),
    st.integers(0, 1),
)
# One client with both kinds of tokens in one session, what comes of them, an end, and what is done after it.
BOTH_KINDS = st.permutations([("online", 0), ("offline", 0)])
WHAT_COMES_OF_THEM = st.just([("exchange", 0), ("exchange", 1), ("refresh", 0)])
STEPS = st.tuples(
    BOTH_KINDS,
    WHAT_COMES_OF_THEM,
    st.lists(st.one_of(AUTHORIZING, USING), max_size=4),
    st.lists(ENDING, min_size=1, max_size=1),
    st.lists(st.one_of(AUTHORIZING, USING, ENDING), max_size=4),
).map(lambda parts: [step for part in parts for step in part])
NAMES = count()


@settings(
    max_examples=12,
    # A story of ten steps is short enough to be read as it is; making it shorter takes minutes.
    phases=[Phase.generate],
    derandomize=True,
    database=None,
)
@given(steps=STEPS)
def test_after_any_steps_a_token_lives_only_by_its_own_scope(app, browser, rp, steps):
    ada = Ada(rp, Service(app, f"api-{next(NAMES)}"), browser, f"ada-{next(NAMES)}")
    for name, n in steps:
        if name in ("online", "offline"):
            ada.authorize(n, offline=name == "offline")
        else:
            getattr(ada, name)(n)
        ada.check()
