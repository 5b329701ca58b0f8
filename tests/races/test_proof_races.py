"""A DPoP proof that many show at once (rfc9449 §11.1)."""

from functools import partial

from tests.races.at_once import AT_ONCE, ON_POSTGRESQL, ROUNDS, at_once
from tests.support.prover import Holder

pytestmark = ON_POSTGRESQL


def test_one_proof_many_callers_at_a_resource(app, signed_in):
    """One is answered; what the others show has been used."""
    holder = Holder(app, "blue", id_token_signed_response_alg="ES256")
    token = holder.sign_in(signed_in)["access_token"]
    for _ in range(ROUNDS // 5):
        shown = holder.prover.show(token)

        responses = at_once(*[partial(holder.http.get, "/userinfo", headers=shown)] * AT_ONCE)

        assert sorted(response.status_code for response in responses) == [200] + [401] * (AT_ONCE - 1)


def test_one_proof_for_many_codes(app, signed_in):
    """One code is exchanged; the others are as they were."""
    holder = Holder(app, "blue", id_token_signed_response_alg="ES256")
    for _ in range(ROUNDS // 10):
        codes, proof = [holder.code(signed_in) for _ in range(AT_ONCE)], holder.prover.proof()

        responses = at_once(*[partial(holder.exchange, code, proof=proof) for code in codes])

        assert sorted(response.status_code for response in responses) == [200] + [400] * (AT_ONCE - 1)
        refused = [
            code for code, response in zip(codes, responses, strict=True) if response.status_code == 400
        ]
        assert {holder.exchange(code).status_code for code in refused} == {200}
