"""The configurations that own objects; read-only here, since `curfew apply` gives and takes ownership."""

from typing import Annotated

from msgspec import Meta

ManagedBy = Annotated[
    str | None,
    Meta(
        description="The configuration that owns it, or null; what is changed by hand is undone when that is "
        "applied again."
    ),
]
