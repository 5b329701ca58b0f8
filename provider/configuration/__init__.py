"""Configuration as code: files that say what clients, resource servers and roles are to be.

Reads files, compares them with the database and carries out the difference through `administration`, in one
transaction. Never touches people, sessions or grants by itself, nor objects that no file owns.
"""
