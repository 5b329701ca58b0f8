"""`path("", include("curfew_rp.django.urls"))`."""

from django.urls import path

from curfew_rp.django.views import receive, sign_out

app_name = "curfew_rp"
urlpatterns = [
    path("backchannel-logout", receive, name="backchannel_logout"),
    path("sign-out", sign_out, name="sign_out"),
]
