"""What a person holds: living sessions with the apps in them, and living grants, for pages, API and previews.

Only reads. What ends, and what a logout reaches, belongs to `provider.logout`.
"""
