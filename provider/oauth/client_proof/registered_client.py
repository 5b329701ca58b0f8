"""A client with the interface that Authlib expects."""

from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin

from provider.clients import secrets
from provider.clients.models import Client
from provider.clients.queries import read_proving


class RegisteredClient(ClientMixin):  # type: ignore[misc]  # Authlib ships no types.
    """Answers Authlib's questions about a client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.metadata = client.metadata_
        # When the secret that proved the client expires, if ever: tokens obtained with it end by then.
        self.proven_until: datetime | None = None

    def get_client_id(self) -> str:
        """Return the client's identifier."""
        return self.client.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        """Return whether a presented secret is the client's."""
        is_right = secrets.check_secret(self.client, client_secret)
        if is_right:
            self.proven_until = secrets.end_of(self.client, client_secret)
        return is_right

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 – one method for all endpoints.
        """Return whether the client may use this method: the registered one, or any for a secret."""
        return method in self.client.auth_methods

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether the client registered this grant type."""
        return self.metadata.may_use_grant_type(grant_type)


def find_active(client_id: Any) -> RegisteredClient | None:
    """Find an active client with its credentials; a disabled or removed one counts as unknown."""
    return as_active(read_proving(client_id)) if isinstance(client_id, str) else None


def as_active(client: Client | None) -> RegisteredClient | None:
    """Return a client that was found if it may act."""
    return RegisteredClient(client) if client is not None and client.is_active else None
