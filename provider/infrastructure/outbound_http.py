"""The outbound HTTP client, under the name by which other rooms import it."""

from provider.infrastructure.outbound.client import OutboundClient, OutboundResponse
from provider.infrastructure.outbound.policy import (
    FailureKind,
    OutboundFailure,
    OutboundPolicy,
    RefusedTarget,
)
from provider.infrastructure.outbound.sighting import Sighting
from provider.infrastructure.outbound.target import check_url

__all__ = [
    "FailureKind",
    "OutboundClient",
    "OutboundFailure",
    "OutboundPolicy",
    "OutboundResponse",
    "RefusedTarget",
    "Sighting",
    "check_url",
]
