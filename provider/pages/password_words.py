"""Why a new password cannot be set, in the person's language."""

from provider.accounts.password_rules import PasswordRule
from provider.infrastructure import current
from provider.web.i18n import gettext as _


def rule_in_words(why: PasswordRule) -> str:
    """Return the sentence about the rule that a password breaks."""
    match why:
        case PasswordRule.TOO_SHORT:
            least = current.settings().password_min_length
            return _(
                "The new password must have at least %(least)s characters. "
                "Several unrelated words are long and easy to remember."
            ) % {"least": least}
        case PasswordRule.TOO_LONG:
            return _("The new password is too long. Choose a shorter one.")
        case PasswordRule.COMMON:
            return _(
                "The new password is one that attackers try first. "
                "Choose several unrelated words, or have your password manager make one."
            )
        case PasswordRule.CONTEXT:
            return _(
                "The new password contains your name or address, or little more than the name of this "
                "service. Choose several words that have nothing to do with you, or have your password "
                "manager make one."
            )
