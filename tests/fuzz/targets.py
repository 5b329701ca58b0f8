"""Every target by its name, which is also the name of its folder in the corpus."""

from collections.abc import Callable

from tests.fuzz import documents, tokens, wire

TARGETS: dict[str, Callable[[bytes], None]] = {
    "raw_jwt": tokens.raw_jwt,
    "own_jwt": tokens.own_jwt,
    "client_assertion": tokens.client_assertion,
    "software_statement": tokens.statement,
    "request_object": tokens.signed_request,
    "dpop_proof": tokens.proof,
    "logout_token": tokens.logout,
    "json": documents.json_text,
    "jwks": documents.jwks,
    "client_metadata": documents.client_metadata,
    "certificate": documents.certificate,
    "forwarded": documents.forwarded_header,
    "uris": documents.uris,
    "texts": documents.texts,
    "request_body": wire.request_body,
    "request_headers": wire.request_headers,
    "response_of_app": wire.response_of_app,
}
