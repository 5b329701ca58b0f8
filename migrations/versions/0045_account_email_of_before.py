"""Fill in the e-mail addresses of the people who are known already.

The database folds only case; of an address with letters beyond ASCII that is not always enough, until its
person is changed. So it is for people whom a process of the previous release adds or changes meanwhile.
"""

from provider.infrastructure import online_change

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fill the column in."""
    online_change.fill_in(
        "account",
        "folded_email = substr(lower(claims ->> 'email'), 1, 255)",
        where="folded_email IS NULL AND claims ->> 'email' IS NOT NULL",
    )


def downgrade() -> None:
    """Leave it; it goes with its column."""
