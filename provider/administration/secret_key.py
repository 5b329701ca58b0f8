"""Acts on the secret key, the key-encryption key for everything that is stored sealed."""

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import current, data_keys
from provider.infrastructure.secrets import SecretBox


def begin_replacement(successor: SecretBox) -> bool:
    """Let another secret key open the database too; False if it already does. Raises RotationRefused."""
    is_added = data_keys.begin_rotation(current.data_keys(), successor)
    if is_added:
        record(EventTag.SECRET_KEY_ADDED, actor="admin", key=successor.name)
    return is_added


def finish_replacement() -> int:
    """Remove every secret key except the configured one; returns how many were removed.

    Raises RotationRefused.
    """
    removed = data_keys.finish_rotation(current.data_keys())
    if removed:
        record(EventTag.SECRET_KEY_REMOVED, actor="admin", generation=current.secret_box().generation)
    return removed
