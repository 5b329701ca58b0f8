"""The only door through which this house calls other parties over HTTP.

Knows URLs, addresses, deadlines and caps. Does not know what is sent or why, and never
retries a call that may have been answered: that is the outbox's business (security §5, DLV-12).
"""

from provider.infrastructure.outbound.client import OutboundClient, OutboundResponse
from provider.infrastructure.outbound.policy import OutboundFailure, OutboundPolicy, RefusedTarget
from provider.infrastructure.outbound.target import check_url

__all__ = [
    "OutboundClient",
    "OutboundFailure",
    "OutboundPolicy",
    "OutboundResponse",
    "RefusedTarget",
    "check_url",
]
