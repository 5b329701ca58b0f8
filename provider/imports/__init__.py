"""Imports of clients and people from other providers: Keycloak, Auth0 and Logto.

Reads their exports, takes over whatever has the same meaning here through `administration`, and reports what
was changed and what could not be taken over, with the reason. Importing the same export again adds nothing
twice.
"""
