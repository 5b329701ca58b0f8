"""Whatever a tool makes of our OpenAPI document, every response is one that the document describes.

Schemathesis invents requests that fit the document, and some that do not, always the same ones.
"""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

# The document and the parsing of requests depend on no database.
pytestmark = [pytest.mark.parametrize("database_url", ["sqlite"], indirect=True), pytest.mark.lengthy]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FEW = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operations(app) -> Iterator[schemathesis.APIOperation]:
    document = schemathesis.openapi.from_wsgi("/openapi.json", app)
    for found in document.get_all_operations():
        yield found.ok()


def ask_for(operation: schemathesis.APIOperation, mode: GenerationMode, headers: dict[str, str]) -> int:
    """Ask for an operation in several ways; returns in how many."""
    asked = []

    @FEW
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        asked.append(case)
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    # Where nothing can be sent, nothing wrong can be sent.
    with suppress(Unsatisfiable):
        ask()
    return len(asked)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("proof", ["no one", "a person's app"])
def test_every_response_is_one_that_the_document_describes(app, signs_in, ada, mode, proof):
    tried = 0
    for operation in operations(app):
        headers = {}
        if proof == "a person's app":
            # Anew each time: what was asked before may have signed the person out.
            headers = {"Authorization": f"Bearer {signs_in(ada)['access_token']}"}
        tried += ask_for(operation, mode, headers)

    assert tried > 50
