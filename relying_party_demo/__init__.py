"""The demo relying party: a small coloured web app that signs people in at an OpenID Provider.

It is an independent program: it imports nothing from `provider` and uses it only through HTTP, so everything
that works here works for any app that follows OpenID Connect Core, RP-Initiated Logout and Back-Channel
Logout. It is not a library, and it shows its owner more of its internals than a real app should.
"""
