"""Guards an API: decides which access tokens admit a call, and states how fresh that decision is.

Knows tokens and headers, no web framework: `curfew_rp.flask_api`, `curfew_rp.starlette_api` and
`curfew_rp.django.api` connect it. Refusals follow RFC 6750, RFC 9449 (DPoP) and RFC 9470 (step-up).
"""

from curfew_rp.resource_server.access import TRY_AGAIN, Access, Freshness, Refused
from curfew_rp.resource_server.dpop import ProofOfPossession
from curfew_rp.resource_server.guard import Call, Requirements, ResourceServer
from curfew_rp.resource_server.introspection import Introspection
from curfew_rp.resource_server.signed_tokens import SignedTokens

__all__ = [
    "TRY_AGAIN",
    "Access",
    "Call",
    "Freshness",
    "Introspection",
    "ProofOfPossession",
    "Refused",
    "Requirements",
    "ResourceServer",
    "SignedTokens",
]
