"""The recipient of a delivery: an identifier that the kind of delivery owns."""

from typing import NamedTuple
from uuid import UUID


class Recipient(NamedTuple):
    """A recipient of one kind of delivery, with an endpoint, limits and a breaker of its own (DLV-27).

    The kind defines what `id` identifies: for logout notifications it is a client. A kind whose recipients
    have no UUID derives one (`uuid.uuid5`).
    """

    kind: str
    id: UUID
