"""The only way to call other parties over HTTP; the other rooms import it as `outbound_http`.

Knows URLs, addresses, deadlines and caps. Does not know what is sent or why, and never
retries a call that may have been answered: that is the outbox's business (DLV-12).

`client` tells a call in order: `target` and `addresses` say whether it may be made, `resolver` and `sockets`
connect to a checked address, `wire` and `tls` keep its time, `request` writes, `reader` and `response` read.
"""
