"""HTTP manners: cookies, CSRF, errors, headers, the layout and the language of pages.

Knows the framework and how people and programs are spoken to. Does not know any use case: what a
request means and what it changes is for `endpoints`, `pages` and `api`.
"""

from provider.web.setup import install

__all__ = ["install"]
