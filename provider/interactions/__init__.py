"""Requests parked while a person answers: for a sign-in, a sign-out, an account page.

A request is bound to the browser that began it; in another browser its address is useless. A pushed request
is bound to the client until a browser presents its request URI (rfc9126). Does not know what happens with the
answers.
"""
