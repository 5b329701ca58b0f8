"""HTTP for all endpoints: routes, cookies, CSRF, errors, headers, the layout and language of pages.

Knows the framework and the form of responses to people and programs. Knows no use case and no address:
`endpoints`, `pages` and `api` decide what a request means and changes.
"""

from provider.web.setup import install

__all__ = ["install"]
