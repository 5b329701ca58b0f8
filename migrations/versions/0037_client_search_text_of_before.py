"""Fill in what a search of clients looks at, for those that are registered already.

A process of the previous release does not write it: what it registers meanwhile is found all the same, what
it renames by the former name, until the client is changed again.
"""

from provider.infrastructure import online_change

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fill the column in."""
    online_change.fill_in(
        "client",
        "search_text = lower(client_id || ' ' || coalesce(registered ->> 'client_name', ''))",
        where="search_text IS NULL",
    )


def downgrade() -> None:
    """Leave it; it goes with its column."""
