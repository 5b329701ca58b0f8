"""Authentication of people, and the session that follows.

Each way to sign in is a file that checks its proof; `session.begin` makes the session for the factors that
were proven. The browser is passed in as a value, and the edge opens the transaction: this room knows nothing
of forms, cookies or HTTP.
"""
