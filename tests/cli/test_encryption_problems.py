"""`curfew client`: what an app must know of encrypted responses, and what to do when its key is missing."""

import json

from provider.clients import problems, queries
from provider.infrastructure.database import transaction
from provider.oauth.client_proof.refusals import refusal_of
from provider.protocol.refusal import RefusalKind
from tests.support.public_keys import X, Y

PUBLISHED = (
    "--client-id",
    "red",
    "--redirect-uri",
    "https://red.test/cb",
    "--jwks-uri",
    "https://red.test/keys",
)


def test_the_app_is_named_how_its_responses_are_encrypted(curfew, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": X, "y": Y}]}))

    added = curfew(
        *("client", "add", "--redirect-uri", "https://red.test/cb", "--jwks", keys),
        *("--id-token-encrypted-response-alg", "ECDH-ES", "--userinfo-encrypted-response-alg", "ECDH-ES"),
        *("--userinfo-encrypted-response-enc", "A256GCM"),
    )

    lines = [line.split(maxsplit=1) for line in added.out.splitlines()]
    assert ["id_token_encrypted_response", "ECDH-ES, A128CBC-HS256"] in [[n, v.strip()] for n, v in lines]
    assert ["userinfo_encrypted_response", "ECDH-ES, A256GCM"] in [[n, v.strip()] for n, v in lines]


def test_a_missing_key_is_a_problem_with_its_cure(curfew, looking):
    curfew("client", "add", *PUBLISHED, "--id-token-encrypted-response-alg", "RSA-OAEP-256")
    with looking(), transaction():
        red = queries.get_by_client_id("red")
        facts = {"answer": "id_token", "alg": "RSA-OAEP-256"}
        problems.keep(red.id, refusal_of(red, RefusalKind.ENCRYPTION, "no key", **facts), ip=None)

    [problem] = curfew("client", "show", "red", "--problems", "--json").json["problems"]

    assert "publish a key for encryption by RSA-OAEP-256 (https://red.test/keys" in problem["cure"]
    assert 'curfew client update red --id-token-encrypted-response-alg ""' in problem["cure"]
    curfew("client", "update", "red", "--id-token-encrypted-response-alg", "")
