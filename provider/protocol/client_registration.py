"""Read and validate the metadata that a client asks to register (rfc7591 §2, registration §2)."""

from collections.abc import Mapping
from dataclasses import replace

from provider.protocol.client_metadata import FAPI2_SIGNATURE, ClientMetadata, InvalidClientMetadata
from provider.protocol.client_metadata_rules import problems_of, read_members
from provider.protocol.redirect_uri_rules import MayBeUnwise

_CODE_GRANT = "authorization_code"


def read_registration(
    asked: Mapping[str, object],
    *,
    may_be_unwise: MayBeUnwise = lambda _uri: False,
    registered: ClientMetadata | None = None,
) -> ClientMetadata:
    """Validate what a client wants to register. Raises InvalidClientMetadata with every problem.

    rfc7591 §2: unknown members are ignored. rfc7592 §2.2: null means the same as absent. `may_be_unwise`
    decides whether an unwise redirect URI is accepted; `registered` is the present metadata of a known
    client.
    """
    values, problems = read_members(asked)
    if "response_types" not in values and _CODE_GRANT not in values.get("grant_types", (_CODE_GRANT,)):
        values["response_types"] = ()
    metadata = ClientMetadata(**values)
    if metadata.follows_fapi2 and "id_token_signed_response_alg" not in values:
        # FAPI 2.0 §5.4.1 leaves out the default of the specification.
        metadata = replace(metadata, id_token_signed_response_alg=FAPI2_SIGNATURE)
    # A field of the wrong type has its default here, which must not be reported.
    mistyped = {problem.field for problem in problems}
    problems += [p for p in problems_of(metadata, may_be_unwise, registered) if p.field not in mistyped]
    if problems:
        raise InvalidClientMetadata(problems)
    return metadata
