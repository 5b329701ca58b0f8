"""With mozilla-django-oidc."""

from settings import *  # noqa: F403 – as Django's settings are layered.
from settings import CURFEW_RP, INSTALLED_APPS, os

INSTALLED_APPS = [*INSTALLED_APPS, "mozilla_django_oidc"]
AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
LOGIN_URL = "/oidc/authenticate/"
OIDC_RP_CLIENT_ID = CURFEW_RP["client_id"]
OIDC_RP_CLIENT_SECRET = os.environ["CLIENT_SECRET"]
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid profile email"
OIDC_OP_AUTHORIZATION_ENDPOINT = CURFEW_RP["issuer"] + "/authorize"
OIDC_OP_TOKEN_ENDPOINT = CURFEW_RP["issuer"] + "/token"
OIDC_OP_USER_ENDPOINT = CURFEW_RP["issuer"] + "/userinfo"
OIDC_OP_JWKS_ENDPOINT = CURFEW_RP["issuer"] + "/jwks"
OIDC_USE_PKCE = True
# The kit reads the sid from it.
OIDC_STORE_ID_TOKEN = True
OIDC_OP_LOGOUT_URL_METHOD = "curfew_rp.django.views.provider_logout_url"
