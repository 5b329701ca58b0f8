"""A Django app that is a printed recipe and what any Django project has around it.

Runs in an environment of its own. Its argument is a JSON object: which software, the files of the recipe,
a folder to write into, and the port to serve.
"""

import json
import os
import sys
from pathlib import Path

facts = json.loads(sys.argv[1])
folder, software = Path(facts["folder"]), facts["software"]
OF = {
    "django-allauth": {
        "apps": [
            "allauth",
            "allauth.account",
            "allauth.socialaccount",
            "allauth.socialaccount.providers.openid_connect",
        ],
        "middleware": ["allauth.account.middleware.AccountMiddleware"],
        "urls": ("accounts/", "allauth.urls"),
    },
    "mozilla-django-oidc": {
        "apps": ["mozilla_django_oidc"],
        "middleware": [],
        "urls": ("oidc/", "mozilla_django_oidc.urls"),
    },
    "python-social-auth": {
        "apps": ["social_django"],
        "middleware": [],
        "urls": ("", "social_django.urls"),
    },
}[software]
SETTINGS = f"""
import os
DEBUG = True
SECRET_KEY = "a secret of the app's own"
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "app.sqlite3"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                  "django.contrib.messages", *{OF["apps"]!r}]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware", *{OF["middleware"]!r}]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
              "OPTIONS": {{"context_processors": ["django.template.context_processors.request",
                                                "django.contrib.auth.context_processors.auth",
                                                "django.contrib.messages.context_processors.messages"]}}}}]
LOGIN_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend",
                           "allauth.account.auth_backends.AuthenticationBackend"]
SOCIALACCOUNT_AUTO_SIGNUP = True
ACCOUNT_EMAIL_VERIFICATION = "none"
"""
URLS = f"""
from django.http import JsonResponse
from django.urls import include, path

def home(request):
    return JsonResponse({{"name": request.user.get_full_name() or request.user.email
                         if request.user.is_authenticated else None}})

urlpatterns = [path("", home), path({OF["urls"][0]!r}, include({OF["urls"][1]!r}))]
"""
(folder / "settings.py").write_text(SETTINGS + facts["files"]["settings.py"])
(folder / "urls.py").write_text(URLS)
for name, text in facts["files"].items():
    if name != "settings.py":
        (folder / name).write_text(text)
os.chdir(folder)
sys.path.insert(0, str(folder))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

import django  # noqa: E402 – Django reads its settings when it is set up.
from django.core.management import call_command  # noqa: E402

django.setup()
call_command("migrate", verbosity=0)
call_command("runserver", f"127.0.0.1:{facts['port']}", use_reloader=False)
