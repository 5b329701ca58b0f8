"""The outbox: requests that are owed to other parties, and how each attempt went.

Knows URLs, bodies and retry times. Does not know what a logout or a stream is, and never decides
who is notified – that is `provider.logout.fanout`.
"""
