"""The settings in force, with their source and what is unwise in production."""

from dataclasses import asdict

import msgspec

from provider.admin_api.operation import Call, Operation, Response
from provider.config import describe_settings
from provider.config.unwise import unwise_settings
from provider.infrastructure import current
from provider.protocol.permissions import Permission


class SettingView(msgspec.Struct, frozen=True, kw_only=True):
    """One setting; of a secret only whether it is set."""

    name: str
    variable: str
    value: str
    default: str
    source: str
    meaning: str


class UnwiseView(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that is unsafe in production, and what to do."""

    subject: str
    problem: str
    cure: str


class SettingList(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of the process that answers."""

    items: list[SettingView]
    problems: list[UnwiseView]


def list_settings(_call: Call) -> Response:
    """Answer with all settings."""
    settings = current.settings()
    return Response(
        body=SettingList(
            items=[SettingView(**asdict(one)) for one in describe_settings(settings)],
            problems=[UnwiseView(**asdict(one)) for one in unwise_settings(settings)],
        )
    )


OPERATIONS = (
    Operation(
        method="GET",
        rule="/settings",
        name="list_settings",
        summary="List the settings with value, source and meaning; of secrets only whether they are set.",
        permission=Permission.READ,
        view=list_settings,
        response=SettingList,
    ),
)
