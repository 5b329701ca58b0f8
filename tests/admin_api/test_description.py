"""The description of the admin API: valid, complete, and true for whatever a tool makes of it."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from provider.admin_api import OPERATIONS
from provider.admin_api.operation import ROOT
from provider.infrastructure import current
from tests.api.test_what_others_make_of_it import CHECKS, FEW, given

pytestmark = [pytest.mark.parametrize("database_url", ["sqlite"], indirect=True), pytest.mark.lengthy]


def test_every_operation_is_described_with_its_permission(http):
    described = http.get(f"{ROOT}/openapi.json").json

    found = [one for methods in described["paths"].values() for one in methods.values()]
    assert {one["operationId"] for one in found} == {one.name for one in OPERATIONS}
    assert all(one["security"][0]["token"][0].startswith("curfew:") for one in found)
    assert described["servers"] == [{"url": f"http://localhost:8900{ROOT}"}]
    body = described["components"]["schemas"]["NewClient"]
    assert body["additionalProperties"] is False


def test_every_parameter_says_what_it_means_and_whether_it_is_required(http, as_service):
    paths, robot = http.get(f"{ROOT}/openapi.json").json["paths"], as_service()
    declared = [
        (path, parameter)
        for path, methods in paths.items()
        for one in methods.values()
        for parameter in one["parameters"]
    ]
    queries = [(path, one["name"]) for path, one in declared if one["in"] == "query" and one.get("required")]

    assert all(parameter["description"].endswith(".") for _, parameter in declared)
    assert queries == [("/bulk-logout-preview", "kind"), ("/notification-explanation", "client_id")]
    for path, name in queries:
        refused = http.get(ROOT + path, headers={"Authorization": f"Bearer {robot.token}"})
        assert (refused.status_code, name in refused.text) == (422, True)


def operations(app) -> Iterator[schemathesis.APIOperation]:
    for found in schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", app).get_all_operations():
        yield found.ok()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_response_is_one_that_the_description_allows(app, as_service, mode):
    robot, asked = as_service(), []
    # No response is held back, however long a request may ask to wait.
    current.services().stopping.set()
    for operation in operations(app):

        @FEW
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case) -> None:
            asked.append(case)
            case.validate_response(
                case.call(headers={"Authorization": f"Bearer {robot.token}"}), checks=CHECKS
            )

        with suppress(Unsatisfiable):
            ask()

    assert len(asked) > 30
