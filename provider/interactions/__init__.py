"""Requests parked on the server while a person answers: authorization and end-session requests.

Bound to the browser that began them; the address of a parked request is useless in another one.
Knows nothing of what the answer will do.
"""
