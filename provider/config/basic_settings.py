"""The settings of the service itself: where it runs, how long things live, who may register."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from provider.config.declare import setting


@dataclass(frozen=True, kw_only=True)
class BasicSettings:
    """The first part of the settings."""

    issuer: str = setting(
        "The `iss` of every token: an https URL without query or fragment (http only for localhost). "
        "It may have a path below which the provider is reached; a host of its own is safer.",
        default="http://localhost:8900",
    )
    data_dir: Path = setting(
        "Folder of the embedded database, the key file and what this host has seen of its database.",
        default=Path("data"),
    )
    database_url: str = setting(
        "SQLAlchemy URL; `sqlite:///…` or `postgresql+psycopg://…`. Empty: SQLite in `data_dir`.",
        default="",
        secret=True,
    )
    database_pool_size: int = setting("Database connections per process.", default=20)
    database_deadline: timedelta = setting(
        "How long one web request may wait for the database in all, its time in the queue included; then it "
        "is answered 503. Commands and workers take the time they need.",
        default=timedelta(seconds=5),
    )
    database_pause: timedelta = setting(
        "How long a transaction may do nothing before the database ends it, so that a process that is frozen "
        "or cut off does not keep rows locked (PostgreSQL). Shorter than the deadline, so that a request "
        "that waits for such a row gets it in time.",
        default=timedelta(seconds=4),
    )
    broker_url: str = setting(
        "Redis or Valkey URL for Celery. Empty: no broker; workers find deliveries by sweeping alone, except "
        "that of `curfew serve --with-worker`, which is woken.",
        default="",
        secret=True,
    )
    secret_key: str = setting(
        "Key-encryption key, 32 bytes in base64url. Empty: read from or made in `data_dir/secret.key`.",
        default="",
        secret=True,
    )
    log_level: str = setting("Least level of the log: DEBUG, INFO, WARNING or ERROR.", default="INFO")
    metrics_bearer_token: str = setting(
        "Opens `/metrics` to callers that present it as a bearer token; 16 characters or more. "
        "Empty: there is no such address.",
        default="",
        secret=True,
    )

    trusted_proxies: int = setting(
        "How many proxies in front add the address that they see to the forwarded header.", default=0
    )
    forwarded_header: str = setting(
        "The header that these proxies write: X-Forwarded-For, or Forwarded (RFC 7239).",
        default="X-Forwarded-For",
    )
    client_certificate_header: str = setting(
        "Header, like XClientCert, in which the trusted proxy passes a client's TLS certificate on: "
        "percent-encoded PEM, base64 or as in RFC 9440; it overwrites what came in. Empty: no certificates.",
        default="",
    )
    client_certificate_verified_header: str = setting(
        "Header in which that proxy says SUCCESS or 0 of a certificate that leads to an authority it trusts. "
        "Empty: no `tls_client_auth`.",
        default="",
    )
    mtls_origin: str = setting(
        "The https origin where clients with certificates reach the same endpoints, if it is not the "
        "issuer's; listed as `mtls_endpoint_aliases`.",
        default="",
    )
    max_body_bytes: int = setting("Largest request body that is read.", default=128 * 1024)
    request_body_deadline: timedelta = setting(
        "How long the body of a request may take to arrive; once half of it has passed, the sender must "
        "also have kept up 1 kB per second.",
        default=timedelta(seconds=10),
    )
    max_parameter_bytes: int = setting("Largest single parameter of a protocol request.", default=8 * 1024)
    default_locale: str = setting(
        "Language of the pages when the browser asks for none that there is: en or de.", default="en"
    )

    session_idle_lifetime: timedelta = setting(
        "A session ends that no app's sign-in, refresh or account page has used for so long.",
        default=timedelta(hours=1),
    )
    refresh_counts_as_use: bool = setting(
        "Whether refreshing tokens that end with the session counts as its use; UserInfo, introspection and "
        "tokens with offline_access never do.",
        default=True,
    )
    session_lifetime: timedelta = setting("How long a session may live at all.", default=timedelta(hours=24))
    interaction_lifetime: timedelta = setting(
        "How long a person may take to answer a page.", default=timedelta(minutes=30)
    )
    sessions_per_account: int = setting(
        "Sessions that one person may have at once; one more ends the oldest. 0: no limit.", default=0
    )
    code_lifetime: timedelta = setting("Life of an authorization code.", default=timedelta(seconds=60))
    id_token_lifetime: timedelta = setting("Life of an ID Token.", default=timedelta(hours=1))
    access_token_lifetime: timedelta = setting("Life of an access token.", default=timedelta(hours=1))
    jwt_access_token_lifetime: timedelta = setting(
        "Life of a signed access token; a resource server that does not ask believes it for so long.",
        default=timedelta(minutes=5),
    )
    dpop_nonce_required: bool = setting("Whether DPoP proofs must hold a nonce of ours.", default=False)
    refresh_token_idle_lifetime: timedelta = setting(
        "A refresh token unused for so long is dead.", default=timedelta(days=14)
    )
    grant_lifetime: timedelta = setting("How long a grant lives.", default=timedelta(days=180))
    refresh_reuse_interval: timedelta = setting(
        "A confidential client may repeat a refresh within this time and gets the same successor.",
        default=timedelta(seconds=10),
    )

    registration: str = setting(
        "Who may register clients by Dynamic Registration: off (no client), token (who has an initial access "
        "token) or open (anybody).",
        default="off",
    )
    registration_limit: str = setting(
        "Registrations and their changes allowed per address.", default="100 per hour"
    )
    registration_scopes: tuple[str, ...] = setting(
        "Scopes beyond the standard ones that a client may register by itself.", default=()
    )
    registration_trusted_hosts: tuple[str, ...] = setting(
        "Hosts of self-registered apps to which people are sent back without a page in between, comma "
        "separated; for a certification suite, for example.",
        default=(),
    )
    software_statement_issuers: Path | None = setting(
        "JSON file with whose software statements are believed: an object of issuers, each with its JWK Set.",
        default=None,
    )
    client_assertion_endpoint_audience: bool = setting(
        "Whether a client assertion may name the token endpoint or the one that is called as its audience, "
        "as old clients do, instead of the issuer alone; then also a list of these.",
        default=False,
    )
