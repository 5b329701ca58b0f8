"""The outside of the application: how a request comes from the network to a thread.

An ASGI application that reads each body within a size limit and a deadline, waits for a free thread within
another deadline, and only then calls the WSGI application. So a client that sends slowly, or never finishes,
occupies a connection and nothing else. Knows HTTP; does not know Flask, settings, or what a request means.
"""

from provider.server.body import BodyLimits
from provider.server.front import Front
from provider.server.snapshots import Shared

__all__ = ["BodyLimits", "Front", "Shared"]
