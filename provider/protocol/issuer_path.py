"""The path of an issuer such as `https://id.example/auth`, and the meaning of request paths below it."""

WELL_KNOWN = "/.well-known/"


def inside(path: str, issuer_path: str) -> str:
    """Return the provider's own path that a request's path refers to.

    Below an issuer's path a proxy may keep that path or remove it. rfc8414 §3.1 appends it to the well-known
    part instead; where rfc8414 §5 is followed, this also applies to OpenID Connect's document.
    """
    if not issuer_path:
        return path
    if path == issuer_path:
        return "/"
    if path.startswith(f"{issuer_path}/"):
        return path.removeprefix(issuer_path)
    if path.startswith(WELL_KNOWN):
        return path.removesuffix(issuer_path)
    return path
