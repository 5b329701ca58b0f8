"""Findings about one client beyond its registration: remarks with a score, refusals, and its doctor."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from provider.admin_api.operation import Call, Operation, Response
from provider.administration import examinations
from provider.clients import queries
from provider.clients.problems import list_problems
from provider.inspection.client_lint import lint
from provider.inspection.doctor import examine
from provider.inspection.findings import Finding, Grade
from provider.protocol.permissions import Permission


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """One check; `fix` says what to do, and is empty if all is well."""

    check: str
    grade: Grade
    seen: str
    meaning: str
    fix: str
    latency_ms: int | None


class LintView(msgspec.Struct, frozen=True, kw_only=True):
    """The remarks on a client, most serious first; 100 points without any."""

    client_id: str
    score: int
    findings: list[FindingView]


class ExaminationView(msgspec.Struct, frozen=True, kw_only=True):
    """The transcript of an examination; `trial_opened` tells that waiting notifications are sent now."""

    client_id: str
    url: str
    grade: Grade
    findings: list[FindingView]
    trial_opened: bool


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """Why requests of a client were refused, how often, and when last."""

    kind: str
    cause: str
    sentence: str
    facts: dict[str, Any]
    count: int
    ip: str | None
    first_at: datetime
    last_at: datetime


class ProblemList(msgspec.Struct, frozen=True, kw_only=True):
    """The last refusals of a client, newest first; only a few of each kind are kept."""

    items: list[ProblemView]


def show_lint(call: Call, client_id: str) -> Response:
    """Answer with the remarks on a client."""
    client = call.read(lambda: queries.get_by_client_id(client_id))
    found = lint(client)
    return Response(body=LintView(client_id=client_id, score=found.score, findings=_views(found.findings)))


def examine_client(call: Call, client_id: str) -> Response:
    """Try the logout endpoint with good and bad tokens; no one is signed out."""
    client = call.read(lambda: queries.get_by_client_id(client_id))
    # No transaction is open during the requests to the app.
    report = examine(client)
    failed = [one.check for one in report.findings if one.grade is Grade.FAIL]

    def conclude() -> Response:
        is_tried = examinations.conclude(client, grade=report.grade, failed=failed)
        return Response(
            body=ExaminationView(
                client_id=client_id,
                url=report.url,
                grade=report.grade,
                findings=_views(report.findings),
                trial_opened=is_tried,
            )
        )

    return call.transact(conclude)


def show_problems(call: Call, client_id: str) -> Response:
    """Answer with the last refusals of a client."""
    found = call.read(lambda: list_problems(queries.get_by_client_id(client_id)))
    names = ProblemView.__struct_fields__
    items = [ProblemView(**{name: getattr(one, name) for name in names}) for one in found]
    return Response(body=ProblemList(items=items))


def _views(found: Sequence[Finding]) -> list[FindingView]:
    return [
        FindingView(
            check=one.check,
            grade=one.grade,
            seen=one.saw,
            meaning=one.meaning,
            fix=one.fix,
            latency_ms=one.latency_ms,
        )
        for one in found
    ]


OPERATIONS = (
    Operation(
        method="GET",
        rule="/client-remarks/<client_id:client_id>",
        name="lint_client",
        summary="Show remarks on a client's registration with a score, and how to remedy them.",
        permission=Permission.READ,
        view=show_lint,
        response=LintView,
    ),
    Operation(
        method="POST",
        rule="/client-examinations/<client_id:client_id>",
        name="examine_client",
        summary="Try a client's logout endpoint with good and bad tokens; no one is signed out.",
        description="It takes as long as the app needs to answer a dozen requests. Where nothing failed, "
        "what waits for the client is sent at once.",
        permission=Permission.CHANGE_DELIVERIES,
        view=examine_client,
        response=ExaminationView,
    ),
    Operation(
        method="GET",
        rule="/client-problems/<client_id:client_id>",
        name="list_client_problems",
        summary="List why requests of a client were refused lately.",
        permission=Permission.READ,
        view=show_problems,
        response=ProblemList,
    ),
)
