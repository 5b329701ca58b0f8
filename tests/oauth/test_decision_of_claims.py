"""Single claims and an acr that a request demands: what is allowed, asked and refused."""

from dataclasses import replace

import pytest

from provider.grants.consent import Consent
from provider.oauth.authorization.decision import (
    Answers,
    NeedConsent,
    NeedSignIn,
    Proceed,
    Refuse,
    decide,
)
from provider.oauth.authorization.request import AuthorizationRequest
from provider.protocol.acr import PASSWORD_ACR
from provider.protocol.claims_request import ClaimDemand, ClaimsRequest
from tests.oauth.test_decision import ADA, AGREED, ASKED, BOTH, FIRST, KNOWN, NOW, THIRD

BEYOND = replace(
    ASKED,
    claims=ClaimsRequest(userinfo={"email": ClaimDemand(), "birthdate": ClaimDemand()}, id_token={}),
)
CLAIMS = ("birthdate",)


@pytest.mark.spec("core 16")
@pytest.mark.parametrize(
    ("client", "person", "answers", "decision"),
    [
        pytest.param(
            FIRST, ADA, Answers(), Proceed(BOTH, consented=False, claims=CLAIMS), id="a first party gets it"
        ),
        pytest.param(THIRD, KNOWN, Answers(), NeedConsent(BOTH, CLAIMS), id="a third party is asked about"),
        pytest.param(
            THIRD,
            replace(ADA, consent=Consent.to(BOTH, claims=CLAIMS)),
            Answers(),
            Proceed(BOTH, consented=True, claims=CLAIMS),
            id="and remembered",
        ),
        pytest.param(
            THIRD,
            replace(ADA, consent=Consent.to({*BOTH, "profile"})),
            Answers(),
            Proceed(BOTH, consented=True, claims=CLAIMS),
            id="a scope that was allowed says its claims",
        ),
        pytest.param(
            THIRD,
            ADA,
            replace(AGREED, consented_claims=frozenset(CLAIMS)),
            Proceed(BOTH, consented=True, claims=CLAIMS),
            id="allowed just now",
        ),
        pytest.param(
            THIRD, ADA, AGREED, Proceed(BOTH, consented=True), id="what was not on the page was not allowed"
        ),
    ],
)
def test_single_claims_are_allowed_like_scopes(client, person, answers, decision):
    assert decide(BEYOND, client, person, hinted_sub=None, answers=answers, now=NOW) == decision


def demanding(*values: str) -> AuthorizationRequest:
    demand = ClaimDemand(essential=True, values=values)
    return replace(ASKED, claims=ClaimsRequest(userinfo={}, id_token={"acr": demand}))


@pytest.mark.spec("core 6, core 16, rfc9470 1")
@pytest.mark.parametrize(
    ("asked", "person", "answers", "decision"),
    [
        pytest.param(
            demanding(PASSWORD_ACR, "urn:x"),
            replace(ADA, acr=PASSWORD_ACR),
            Answers(),
            Proceed(BOTH, consented=False),
            id="one is met",
        ),
        pytest.param(demanding(PASSWORD_ACR), ADA, Answers(), NeedSignIn(), id="a sign-in can meet it"),
        pytest.param(
            replace(demanding(PASSWORD_ACR), prompt=frozenset({"none"})),
            ADA,
            Answers(),
            "login_required",
            id="none: a sign-in could meet it",
        ),
        pytest.param(
            demanding("urn:x"), None, Answers(), "unmet_authentication_requirements", id="no sign-in could"
        ),
    ],
)
def test_an_essential_acr_is_demanded(asked, person, answers, decision):
    decided = decide(asked, FIRST, person, hinted_sub=None, answers=answers, now=NOW)

    assert (decided.error.error if isinstance(decided, Refuse) else decided) == decision
