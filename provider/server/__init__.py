"""The outside of the application: how a request comes off the network and is given a thread.

An ASGI application that reads each body within a deadline and a limit, waits for a free thread within
another, and only then calls the WSGI application. A client that is slow to send, or never finishes, so
holds a connection and nothing else. Knows HTTP; does not know Flask, settings, or what a request means.
"""

from provider.server.body import BodyLimits
from provider.server.front import Front
from provider.server.snapshots import Shared

__all__ = ["BodyLimits", "Front", "Shared"]
