"""A person's active sessions with their apps, and active grants, for pages, API and previews.

Only reads. What ends, and what a logout reaches, belongs to `provider.logout`.
"""
