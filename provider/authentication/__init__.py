"""Authentication of people, and the session that follows.

Each way to prove oneself is a file that checks its proof; `session.begin` makes the session for the factors
that were proven. What a request shows of the browser comes as a value, and the edge opens the transaction:
this room knows nothing of forms, cookies or HTTP.
"""
