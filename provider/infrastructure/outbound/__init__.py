"""The only way by which this house calls other parties over HTTP; its door is `outbound_http`.

Knows URLs, addresses, deadlines and caps. Does not know what is sent or why, and never
retries a call that may have been answered: that is the outbox's business (DLV-12).
"""
