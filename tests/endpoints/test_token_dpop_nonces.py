"""Tokens that work only with a key: nonces, and where certificates are shown as well."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.endpoints.test_token_dpop import ONE_DATABASE
from tests.support.certificates import BEHIND_PROXY
from tests.support.prover import Holder


@pytest.fixture
def holder(app) -> Holder:
    return Holder(app, "red")


class TestWhereCertificatesAreShown:
    """rfc8705 §5: the endpoints have second addresses, and a proof names the one that was called."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, **BEHIND_PROXY, mtls_origin="https://mtls.test")

    @pytest.mark.spec("rfc9449 1, rfc8705 §5")
    @ONE_DATABASE
    def test_a_proof_may_name_the_second_address(self, signed_in, holder):
        def proof(path, origin="https://mtls.test", **more):
            return holder.prover.proof(path, htu=origin + path, **more)

        code = holder.code(signed_in)
        assert holder.exchange(code, proof=proof("/token", "https://evil.test")).status_code == 400
        token = holder.exchange(code, proof=proof("/token")).json["access_token"]

        shown = proof("/userinfo", method="GET", access_token=token)
        headers = {"Authorization": f"DPoP {token}", "DPoP": shown}
        assert holder.http.get("/userinfo", headers=headers).status_code == 200


class TestWithNonces:
    """rfc9449 §8, §9."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, dpop_nonce_required=True)

    @pytest.mark.spec("rfc9449 3")
    @ONE_DATABASE
    def test_the_proof_for_a_token_holds_our_nonce(self, signed_in, holder):
        code = holder.code(signed_in)

        first = holder.exchange(code)
        nonce = first.headers["DPoP-Nonce"]
        second = holder.exchange(code, proof=holder.prover.proof(nonce=nonce))

        assert (first.status_code, first.json["error"]) == (400, "use_dpop_nonce")
        assert second.status_code == 200
        assert second.headers["DPoP-Nonce"] == nonce

    @pytest.mark.spec("rfc9449 3")
    @ONE_DATABASE
    def test_the_proof_beside_a_token_holds_our_nonce(self, signed_in, holder, turned_clock):
        code = holder.code(signed_in)
        nonce = holder.exchange(code).headers["DPoP-Nonce"]
        token = holder.exchange(code, proof=holder.prover.proof(nonce=nonce)).json["access_token"]

        def show(nonce):
            proof = holder.prover.proof("/userinfo", "GET", access_token=token, nonce=nonce)
            return holder.http.get("/userinfo", headers={"Authorization": f"DPoP {token}", "DPoP": proof})

        refused = show("invented")
        assert (refused.status_code, refused.json["error"]) == (401, "use_dpop_nonce")
        assert 'error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]
        assert show(nonce).status_code == 200
        turned_clock.turn(timedelta(minutes=2))
        assert show(nonce).status_code == 200
        turned_clock.turn(timedelta(minutes=2))
        fresh = show(nonce).headers["DPoP-Nonce"]
        assert fresh != nonce
        assert show(fresh).status_code == 200
