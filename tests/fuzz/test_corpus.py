"""The findings of fuzzing, and a seed of each kind, never break a parser again, nor take long."""

import time
from pathlib import Path

import pytest

from curfew_rp import logout_token
from provider.oauth.registration import software_statement
from tests.fuzz import tokens
from tests.fuzz.site import provider
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
CPU_SECONDS = 0.1


@pytest.fixture(scope="module")
def site():
    with provider() as app:
        yield app


def test_each_target_has_a_corpus_and_each_corpus_a_target():
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert all(len(list((CORPUS / name).iterdir())) >= 3 for name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_read_or_refused(site, name):
    target = TARGETS[name]
    for path in sorted((CORPUS / name).iterdir()):
        data = path.read_bytes()
        # The least of three, as others on this machine disturb its caches.
        assert min(_cpu_of(target, data) for _ in range(3)) < CPU_SECONDS, path.name


def _cpu_of(target, data: bytes) -> float:
    begun = time.thread_time()
    target(data)
    return time.thread_time() - begun


def test_the_honest_seeds_are_accepted(site):
    """A seed that is refused at the door would leave the code behind it untried."""

    def seed(name: str) -> str:
        return tokens.by_key((CORPUS / name / "honest").read_bytes())

    assert tokens.read_request(seed("request_object"))["prompt"] == "login"
    assert tokens.read_proof(seed("dpop_proof")).jti == "1"
    assert software_statement.claims_of(seed("software_statement"))["client_name"] == "Red"
    assert logout_token.validate(seed("logout_token"), tokens.expectations()).sid == "s"
    # Its jti was used up by the test above.
    fresh = (CORPUS / "client_assertion" / "honest").read_bytes().replace(b'"jti": "1"', b'"jti": "fresh"')
    assert tokens.prove(tokens.by_key(fresh)).status_code == 200
    own = tokens.by_provider((CORPUS / "own_jwt" / "honest").read_bytes())
    assert tokens.verify(own)["sub"] == "ada"
