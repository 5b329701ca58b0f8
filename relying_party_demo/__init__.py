"""The demo relying party: a small coloured web app that signs people in at an OpenID Provider.

It is an outsider: it imports nothing of `provider` and knows it through HTTP alone, so whatever works here
works for any app that follows OpenID Connect Core, RP-Initiated Logout and Back-Channel Logout.
It is not a library, and it shows its owner more of its insides than a real app should.
"""
