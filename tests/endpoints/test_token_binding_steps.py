"""After any steps that a person and an app take, each token lives by its own scope."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.endpoints.test_token_binding import (
    allow_offline,
    lives,
    sign_in_only,
    sign_out_of_app,
    sign_out_of_browser,
)
from tests.endpoints.test_token_exchange import Service
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, show_session
from tests.support.relying_party import RelyingParty


def disconnect(browser):
    Page(browser, follow(browser, browser.get("/account"))).press("disconnect-red")


def sign_out_everywhere(browser):
    Page(browser, follow(browser, browser.get("/account/everywhere"))).press("sign-out-everywhere-confirm")


@dataclass
class AppSession:
    """The client session of one browser with the grant below it, as a person would expect them."""

    offline: bool = False
    is_open: bool = True
    is_allowed: bool = True


@dataclass
class Issued:
    """Tokens with what they were asked for."""

    holder: RelyingParty
    tokens: dict
    client_session: AppSession
    offline: bool

    @property
    def must_live(self) -> bool:
        return self.client_session.is_allowed and (self.offline or self.client_session.is_open)


class Ada:
    """A person with two browsers at one app, and what should be alive after each of her steps."""

    def __init__(self, rp: RelyingParty, api: Service, browsers: Callable, name: str) -> None:
        self.rp, self.api = rp, api
        account = make_account(name)
        self.browsers = [show_session(browsers(), make_session(account)) for _ in range(2)]
        self.signed_in = [True, True]
        self.client_sessions: list[AppSession | None] = [None, None]
        self.issued: list[Issued] = []

    def authorize(self, n: int, *, offline: bool) -> None:
        if not self.signed_in[n]:
            return
        client_session = self.client_sessions[n] = self.client_sessions[n] or AppSession()
        client_session.offline = client_session.offline or offline
        tokens = (allow_offline if offline else sign_in_only)(self.rp, self.browsers[n])
        self.issued.append(Issued(self.rp, tokens, client_session, offline))

    def refresh(self, n: int) -> None:
        own = [one for one in self.issued if "refresh_token" in one.tokens]
        if own:
            one = own[n % len(own)]
            response = self.rp.refresh(one.tokens["refresh_token"])
            assert (response.status_code == 200) == one.must_live
            if one.must_live:
                del one.tokens["refresh_token"]
                self.issued.append(Issued(self.rp, response.json, one.client_session, one.offline))

    def exchange(self, n: int) -> None:
        own = [one for one in self.issued if one.holder is self.rp]
        if own:
            one = own[n % len(own)]
            response = self.api.take(one.tokens["access_token"], scope="openid")
            assert (response.status_code == 200) == one.must_live
            if one.must_live:
                self.issued.append(Issued(self.api, response.json, one.client_session, one.offline))

    def sign_out_of_app(self, n: int) -> None:
        if self.signed_in[n] and self.client_sessions[n]:
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
        client_session, self.client_sessions[n] = self.client_sessions[n], None
        if client_session:
            client_session.is_open, client_session.is_allowed = False, client_session.offline

    def _end_all(self) -> None:
        for one in self.issued:
            one.client_session.is_open = one.client_session.is_allowed = False
        self.client_sessions = [None, None]

    def check(self) -> None:
        for one in self.issued:
            assert lives(one.holder, one.tokens) == one.must_live


AUTHORIZING = st.tuples(st.sampled_from(["online", "offline"]), st.integers(0, 1))
USING = st.tuples(st.sampled_from(["refresh", "exchange"]), st.integers(0, 5))
SESSION_END = st.tuples(
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
    st.lists(SESSION_END, min_size=1, max_size=1),
    st.lists(st.one_of(AUTHORIZING, USING, SESSION_END), max_size=4),
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
