"""The audit entries of a logout, which name its person."""

from dataclasses import replace

from provider.audit.queries import Filter
from provider.logout.detail import find_logout


def by_person(wanted: Filter) -> Filter:
    """Return a filter that finds the same entries of a logout through the index of its person."""
    if wanted.logout_id is None or wanted.account_id is not None:
        return wanted
    logout = find_logout(wanted.logout_id)
    return wanted if logout is None else replace(wanted, account_id=logout.account_id)
