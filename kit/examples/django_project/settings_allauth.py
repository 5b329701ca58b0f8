"""With django-allauth."""

from settings import *  # noqa: F403 – as Django's settings are layered.
from settings import CURFEW_RP, INSTALLED_APPS, MIDDLEWARE, os

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "/accounts/oidc/curfew/login/"
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_AUTO_SIGNUP = True
ACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "curfew",
                "name": "Curfew",
                "client_id": CURFEW_RP["client_id"],
                "secret": os.environ["CLIENT_SECRET"],
                "settings": {"server_url": CURFEW_RP["issuer"], "token_auth_method": "client_secret_post"},
            }
        ],
    }
}
