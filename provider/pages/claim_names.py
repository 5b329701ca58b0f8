"""Names of individual claims on a page (core §5.1)."""

from collections.abc import Iterable

from provider.web.i18n import gettext as _


def claim_names(claims: Iterable[str]) -> list[str]:
    """Return the names of claims in the language of this page, each once."""
    words = {
        "name": _("full name"),
        "given_name": _("first name"),
        "family_name": _("family name"),
        "middle_name": _("middle name"),
        "nickname": _("nickname"),
        "preferred_username": _("user name"),
        "profile": _("profile page"),
        "picture": _("picture"),
        "website": _("website"),
        "gender": _("gender"),
        "birthdate": _("birthday"),
        "zoneinfo": _("time zone"),
        "locale": _("language"),
        "updated_at": _("when your profile was last changed"),
        "email": _("e-mail address"),
        "email_verified": _("e-mail address"),
        "address": _("postal address"),
        "phone_number": _("phone number"),
        "phone_number_verified": _("phone number"),
    }
    return list(dict.fromkeys(words.get(claim, claim) for claim in claims))
