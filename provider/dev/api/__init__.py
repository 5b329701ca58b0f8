"""The API of `curfew dev`, below /dev/api: test people and clients, logouts, time, and delivery faults.

Requests, responses and errors are JSON; for test suites and CI jobs in any language.
"""

from provider.dev.api import clients, clock, deliveries, index, people, sessions, tokens

ROUTES = (
    *index.ROUTES,
    *people.ROUTES,
    *clients.ROUTES,
    *sessions.ROUTES,
    *clock.ROUTES,
    *deliveries.ROUTES,
    *tokens.ROUTES,
)
