"""Requests parked on the server while a person answers: for a sign-in, a sign-out, an account page.

Bound to the browser that began them; the address of a parked request is useless in another one.
Knows nothing of what the answer will do.
"""
