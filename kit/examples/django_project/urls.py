"""A page for people who are signed in, the kit's URLs, and those of the software that signs them in."""

from django.apps import apps
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@login_required  # type: ignore[untyped-decorator]
def home(request: HttpRequest) -> HttpResponse:
    """Greet the person."""
    return HttpResponse(f"Hello {request.user.get_full_name() or request.user.email}")


urlpatterns = [path("", home), path("", include("curfew_rp.django.urls"))]
if apps.is_installed("mozilla_django_oidc"):
    urlpatterns.append(path("oidc/", include("mozilla_django_oidc.urls")))
else:
    urlpatterns.append(path("accounts/", include("allauth.urls")))
