"""Client metadata under its wire names (rfc7591 §2, registration §2 and the logout specifications).

Each field is declared once with its meaning; the command's options and their help follow from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from provider.protocol.encrypted_token import USUAL_CONTENT_ALGORITHM, Encryption

# The responses that may be encrypted to the client, as prefixes of the names of their members.
ENCRYPTED_RESPONSES = ("id_token", "userinfo", "authorization")
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
STANDARD_SCOPE = "openid profile email address phone offline_access"


class Problem(NamedTuple):
    """A problem with one field."""

    field: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.field} {self.sentence}"


class InvalidClientMetadata(Exception):
    """The metadata cannot be registered; holds every problem, the first one as `field` and `sentence`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(map(str, self.problems)))
        self.field, self.sentence = self.problems[0]

    @property
    def error(self) -> str:
        """The registered error code (rfc7591 §3.2.2)."""
        return "invalid_redirect_uri" if self.field == "redirect_uris" else "invalid_client_metadata"


def _declared(meaning: str, default: Any = None) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMetadata:
    """Registered client metadata; the defaults are those of the specifications."""

    redirect_uris: tuple[str, ...] = _declared("Where authorization responses may go.", ())
    response_types: tuple[str, ...] = _declared(
        ("Response types that it uses at the authorization endpoint."), ("code",)
    )
    grant_types: tuple[str, ...] = _declared(
        "authorization_code, refresh_token, client_credentials, implicit, or a device's or exchange's URN.",
        ("authorization_code",),
    )
    application_type: str = _declared("web or native.", "web")
    contacts: tuple[str, ...] = _declared("E-mail addresses of the people responsible.", ())
    client_name: str | None = _declared("Name shown to people.")
    logo_uri: str | None = _declared("Its logo: PNG, JPEG, GIF or WebP, 256 KB at most.")
    client_uri: str | None = _declared("Its home page.")
    policy_uri: str | None = _declared("How it uses people's data.")
    tos_uri: str | None = _declared("Its terms of service.")
    jwks_uri: str | None = _declared("Where its public keys are; not together with jwks.")
    jwks: dict[str, Any] | None = _declared("Its public keys as a JWK Set; not with jwks_uri.")  # noqa: RUF009 – the default is None.
    sector_identifier_uri: str | None = _declared("Lists the redirect URIs with the same pairwise subjects.")
    subject_type: str = _declared("public or pairwise.", "public")
    id_token_signed_response_alg: str = _declared(
        "Signature of its ID Tokens and Logout Tokens: RS256, ES256, EdDSA or PS256.", "RS256"
    )
    id_token_encrypted_response_alg: str | None = _declared(
        "How its ID Tokens are encrypted to one of its keys: RSA-OAEP-256, RSA-OAEP, ECDH-ES, "
        "ECDH-ES+A128KW or ECDH-ES+A256KW. Signed ones are sent without it."
    )
    id_token_encrypted_response_enc: str | None = _declared(
        "A128CBC-HS256 (without this), A128GCM or A256GCM."
    )
    userinfo_signed_response_alg: str | None = _declared(
        "Signature of userinfo responses, which are plain JSON without it."
    )
    userinfo_encrypted_response_alg: str | None = _declared(
        "How its userinfo responses are encrypted, as for ID Tokens."
    )
    userinfo_encrypted_response_enc: str | None = _declared("As for ID Tokens.")
    token_endpoint_auth_method: str = _declared(
        "client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, "
        "self_signed_tls_client_auth or none (a public client).",
        "client_secret_basic",
    )
    token_endpoint_auth_signing_alg: str | None = _declared("The only signature of its assertions.")
    tls_client_auth_subject_dn: str | None = _declared(
        "The subject of its certificate, such as CN=red,O=Red Ltd (rfc8705 §2.1.2); or one of the next four."
    )
    tls_client_auth_san_dns: str | None = _declared("A DNS name in its certificate.")
    tls_client_auth_san_uri: str | None = _declared("A URI in its certificate.")
    tls_client_auth_san_ip: str | None = _declared("An IP address in its certificate.")
    tls_client_auth_san_email: str | None = _declared("An e-mail address in its certificate.")
    request_object_signing_alg: str | None = _declared("The only signature of its request objects.")
    default_max_age: int | None = _declared("Oldest sign-in it accepts, in seconds, unless it asks.")
    require_auth_time: bool = _declared("Its ID Tokens always carry auth_time.", False)
    default_acr_values: tuple[str, ...] = _declared("Authentication contexts it wants unless it asks.", ())
    initiate_login_uri: str | None = _declared("Where others may send a person to start a sign-in.")
    request_uris: tuple[str, ...] = _declared("Where its request objects may be fetched from.", ())
    scope: str = _declared("What it may ask for, separated by spaces.", STANDARD_SCOPE)
    post_logout_redirect_uris: tuple[str, ...] = _declared("Where people may go after sign-out.", ())
    backchannel_logout_uri: str | None = _declared("Where Logout Tokens are delivered.")
    backchannel_logout_session_required: bool = _declared("Its Logout Tokens must carry sid.", False)
    frontchannel_logout_uri: str | None = _declared("What the browser loads at sign-out.")
    frontchannel_logout_session_required: bool = _declared("That page must get iss and sid.", False)
    software_id: str | None = _declared("Which software it is.")
    software_version: str | None = _declared("Which version of it.")
    require_signed_request_object: bool = _declared(
        "Its requests are always signed request objects (rfc9101 §10.5).", False
    )
    require_pushed_authorization_requests: bool = _declared("It only uses pushed requests (rfc9126).", False)
    dpop_bound_access_tokens: bool = _declared("It only uses DPoP-bound tokens (rfc9449).", False)
    tls_client_certificate_bound_access_tokens: bool = _declared(
        "Its access tokens work only with its TLS certificate (rfc8705 §3).", False
    )
    access_token_format: str = _declared(
        "Its access tokens where no resource says otherwise: opaque or jwt (rfc9068).", "opaque"
    )
    introspection_signed_response_alg: str | None = _declared(
        "Signature of introspection responses that it asks for as a JWT (rfc9701)."
    )
    authorization_signed_response_alg: str | None = _declared(
        "Signature of its authorization responses, which are then always JWTs (JARM)."
    )
    authorization_encrypted_response_alg: str | None = _declared(
        "How its authorization responses, which are then always JWTs, are encrypted, as for ID Tokens."
    )
    authorization_encrypted_response_enc: str | None = _declared("As for ID Tokens.")

    # rfc7591 §2.2: members such as client_name#de, with the tag in the name.
    translations: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "ClientMetadata":
        """Read stored metadata without checks: it was validated before it was stored."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in FIELDS
        }
        return cls(**values, translations={name: value for name, value in stored.items() if "#" in name})

    def to_wire(self) -> dict[str, Any]:
        """Return the metadata as JSON members, without those that were never given."""
        wire = {name: getattr(self, name) for name in FIELDS}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in wire.items()
            if value is not None and value != ()
        } | {"response_types": list(self.response_types), **self.translations}

    @property
    def is_public(self) -> bool:
        """Whether the client cannot keep a secret (rfc6749 §2.1)."""
        return self.token_endpoint_auth_method == "none"  # noqa: S105 – a method, no password.

    @property
    def has_secret(self) -> bool:
        """Whether the client authenticates with a secret."""
        return self.token_endpoint_auth_method in SECRET_METHODS

    @property
    def is_native(self) -> bool:
        """Whether it is an app on the person's device (rfc8252)."""
        return self.application_type == "native"

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes it may ask for."""
        return frozenset(self.scope.split())

    @property
    def has_bound_tokens(self) -> bool:
        """Whether its access tokens work only with a key of its own (rfc9449 §5.2, rfc8705 §3.4)."""
        return self.dpop_bound_access_tokens or self.tls_client_certificate_bound_access_tokens

    @property
    def must_use_pkce(self) -> bool:
        """Whether its authorization requests need a code_challenge (FAPI 2.0 §5.3.2.2).

        SEC-1016: a public client has no other proof that the code is its own.
        """
        return self.is_public or self.follows_fapi2

    @property
    def follows_fapi2(self) -> bool:
        """Whether it is a client of the FAPI 2.0 profile: it pushes its requests and binds its tokens."""
        binds = self.require_pushed_authorization_requests and self.has_bound_tokens
        return binds and not self.is_public

    @property
    def has_signed_responses(self) -> bool:
        """Whether it takes authorization responses as JWTs only (jarm §3)."""
        return bool(self.authorization_signed_response_alg or self.authorization_encrypted_response_alg)

    @property
    def signature_of_responses(self) -> str:
        """The algorithm of signed authorization responses; jarm §3: 'The default, if omitted, is RS256'."""
        usual = FAPI2_SIGNATURE if self.follows_fapi2 else _USUAL_SIGNATURE
        return self.authorization_signed_response_alg or usual

    def encryption_of(self, response: str) -> Encryption | None:
        """Return how an `id_token`, `userinfo` or `authorization` response is encrypted, or None."""
        alg: str | None = getattr(self, f"{response}_encrypted_response_alg")
        enc: str | None = getattr(self, f"{response}_encrypted_response_enc")
        return Encryption(alg, enc or USUAL_CONTENT_ALGORITHM) if alg else None

    def said_in(self, language: str, name: str) -> str | None:
        """Return the member of this name in a language, else in a regional variant of it, else without a tag.

        rfc7591 §2.2: members without a tag apply if no tag matches.
        """
        plain: str | None = getattr(self, name)
        if not self.translations:
            return plain
        wanted = f"{name}#{language}".lower()
        tagged = {tag.lower(): said for tag, said in self.translations.items()}
        regions = (said for tag, said in sorted(tagged.items()) if tag.startswith(f"{wanted}-"))
        return tagged.get(wanted) or next(regions, plain)

    def may_use_grant_type(self, grant_type: str) -> bool:
        """Return whether it registered this grant type."""
        return grant_type in self.grant_types

    def may_use_scope(self, scope: str) -> bool:
        """Return whether it may ask for this one scope."""
        return scope in self.scope.split()


# FAPI 2.0 §5.4.1 leaves out RS256.
_USUAL_SIGNATURE, FAPI2_SIGNATURE = "RS256", "PS256"
# The fields that are declared with a meaning; the command has an option for each.
DECLARED = tuple(declared for declared in fields(ClientMetadata) if declared.metadata)
FIELDS = tuple(declared.name for declared in DECLARED)
