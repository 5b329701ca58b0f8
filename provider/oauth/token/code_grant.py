"""The exchange of a code for tokens (rfc6749 §4.1.3, core §3.1.3, rfc7636 §4.6)."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.oauth.client_proof.authentication import ALL_METHODS, claimed_client_id
from provider.oauth.client_proof.registered_client import RegisteredClient
from provider.oauth.token.requested_claims import requested_claims
from provider.oauth.token.response import HangsOn, issue_tokens
from provider.oauth.token.terms import JKT, TokenTerms, check_key, read_terms
from provider.tokens import codes, id_token
from provider.tokens.found import find_code, find_code_with_client
from provider.tokens.liveness import FoundCode
from provider.tokens.revoke import revoke_family


@dataclass(frozen=True, slots=True)
class PresentedCode:
    """A code, valid or already used, with the interface that Authlib expects."""

    found: FoundCode

    @property
    def code_challenge(self) -> str | None:
        """The challenge of the authorization request."""
        return self.found.code.code_challenge

    @property
    def code_challenge_method(self) -> str:
        """The method; there is only one."""
        return "S256"

    def get_redirect_uri(self) -> str:
        """The address that the code was sent to."""
        return self.found.code.redirect_uri

    def get_scope(self) -> str:
        """The grant and session that the code was issued for."""
        return self.found.code.scope


class S256Challenge(CodeChallenge):  # type: ignore[misc]  # Authlib ships no types.
    """PKCE with S256 only (SEC-1016); Authlib also offers `plain` and takes it when no method is named."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    CODE_CHALLENGE_METHODS = {  # noqa: RUF012 – Authlib's attribute.
        "S256": lambda verifier, challenge: hmac.compare_digest(
            create_s256_code_challenge(verifier), challenge
        ),
    }

    def validate_code_verifier(self, grant: "CodeGrant", result: object) -> None:
        """Check the verifier; Authlib calls a missing one a malformed request."""
        # rfc7636 §4.6: 'If the values are not equal, an error response indicating "invalid_grant"'.
        if grant.request.authorization_code.code_challenge and "code_verifier" not in grant.request.form:
            raise InvalidGrantError(
                "the code was requested with a code_challenge, but code_verifier is missing"
            )
        super().validate_code_verifier(grant, result)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib ships no types.
    """One exchange. Authlib's own reads the code, issues and deletes: two callers both get tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS = ALL_METHODS

    def validate_token_request(self) -> None:
        """Read the client and its code together, then check one after the other."""
        client_id, handle = claimed_client_id(self.request), self.request.form.get("code")
        if client_id and handle:
            self.request.keep_read(*find_code_with_client(handle, client_id))
        super().validate_token_request()

    def query_authorization_code(self, code: str, client: RegisteredClient) -> PresentedCode | None:
        """Find the client's code under its grant's lock.

        A used code is checked like any other: an attacker who has seen a code but not its verifier must not
        end the tokens that the honest client got for it.
        """
        found = self.request.token_read if self.request.is_read else find_code(code)
        if found is None or found.client.id != client.client.id:
            return None
        return PresentedCode(found) if found.is_valid or found.code.used_at is not None else None

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Use up the code and issue its tokens, or act on a second use; everything else has been checked."""
        found: FoundCode = self.request.authorization_code.found
        wanted = found.code.request
        terms = read_terms(
            self.request.asked,
            found.client,
            authorized=wanted.get("resources", ()),
            scope=found.code.scope,
        )
        # rfc9449 §10: only the holder of the key that the request named can use the code.
        check_key({JKT: wanted["dpop_jkt"]} if wanted.get("dpop_jkt") else None, terms)
        if found.code.used_at is not None:
            self._note_replay(found)
            raise InvalidGrantError("the code was already used")
        codes.use_at_commit(found.code)
        return 200, _issue(found, terms), self.TOKEN_RESPONSE_HEADER

    def _note_replay(self, found: FoundCode) -> None:
        """rfc6749 §4.1.2: a second use of a code revokes the tokens that were issued for it (SEC-1012)."""
        revoked = revoke_family(found.code.id)
        record(
            EventTag.CODE_REPLAYED,
            actor="client",
            account_id=found.account.id,
            client_id=found.client.client_id,
            session_id=found.session.id,
            ip=self.request.ip,
            revoked=revoked,
        )


def _issue(found: FoundCode, terms: TokenTerms) -> dict[str, Any]:
    code = found.code
    return issue_tokens(
        HangsOn(found.client, found.grant, found.client_session, found.session),
        terms,
        scope=code.scope,
        # The code's id is the family's id, so that a second use of the code finds all tokens from the first.
        family_id=code.id,
        sign_in=_sign_in_of(code.request),
        authorized=code.request.get("resources"),
        nonce=code.nonce,
        claims=requested_claims(code.request.get("claims"), found.account, found.client, code.scope),
    )


def _sign_in_of(request: dict[str, Any]) -> id_token.SignIn:
    return id_token.SignIn(
        auth_time=datetime.fromtimestamp(request["auth_time"], UTC), amr=request["amr"], acr=request["acr"]
    )
