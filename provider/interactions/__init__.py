"""Requests parked on the server while a person answers: for a sign-in, a sign-out, an account page.

Bound to the browser that began them; the address of a parked request is useless in another one. What a
client has pushed is bound to the client until a browser brings its name (rfc9126). Knows nothing of what
the answer will do.
"""
