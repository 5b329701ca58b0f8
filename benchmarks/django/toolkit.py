"""A provider of django-oauth-toolkit as its documentation configures it, in one file.

    granian --interface wsgi toolkit:application
    python toolkit.py < setup.json

The second fills the database. `DJANGO_SETUP` names a file with the database, the issuer and the key.
Nothing of Curfew is imported here: it runs in an environment of its own.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

SETUP = json.loads(Path(os.environ["DJANGO_SETUP"]).read_text(encoding="utf-8"))
_SIGN_IN = '<form method="post">{% csrf_token %}{{ form.as_p }}<button>Sign in</button></form>'

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    # One connection for each thread, kept for as long as it lives.
    DATABASES={
        "default": SETUP["database"] | {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None}
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    LOGIN_URL="/accounts/login/",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": SETUP["key"],
        "SCOPES": {"openid": "Sign in", "profile": "Name", "email": "E-mail address"},
        "OAUTH2_VALIDATOR_CLASS": "toolkit.Validator",
    },
    # The hash of passwords, which is that of the apps' secrets too, is the operator's choice.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF="toolkit",
    SECRET_KEY="used by the benchmark alone",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": _SIGN_IN}),
                ],
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ],
    USE_TZ=True,
)
# It is found by this name whether it is imported or run.
sys.modules.setdefault("toolkit", sys.modules[__name__])
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 – models need the settings.
from django.contrib.auth.views import LoginView  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402


class Validator(OAuth2Validator):
    """Gives the claims of the standard scopes."""

    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, str]:
        """Return them."""
        return {"preferred_username": request.user.username, "email": request.user.email}


urlpatterns = [
    path("accounts/login/", LoginView.as_view()),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
application = get_wsgi_application()


def fill(given: dict[str, Any]) -> None:
    """Make the tables, the apps and the people."""
    call_command("migrate", verbosity=0)
    for name in given["people"]:
        get_user_model().objects.create_user(name, f"{name}@example.org", given["password"])
    application_model = get_application_model()
    for client in given["clients"]:
        application_model.objects.create(
            client_id=client["client_id"],
            client_secret=given["secret"],
            client_type="confidential",
            authorization_grant_type="authorization-code",
            redirect_uris=" ".join(client["redirect_uris"]),
            skip_authorization=True,
            algorithm="RS256",
        )


if __name__ == "__main__":
    fill(json.load(sys.stdin))
