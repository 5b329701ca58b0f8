"""One file per protocol endpoint, named as in the discovery document; this is the table of all URLs."""

from flask import Blueprint

from provider.endpoints import end_session, end_session_confirm, signed_out

blueprint = Blueprint("endpoints", __name__)


def _get(rule: str, name: str, view: object) -> None:
    blueprint.add_url_rule(rule, name, view, methods=["GET"])  # type: ignore[arg-type]


blueprint.add_url_rule("/session/end", "end_session", end_session.end_session, methods=["GET", "POST"])
_get("/session/end/resume/<handle>", "resume_end_session", end_session.resume_end_session)
_get("/session/end/confirm", "show_end_session_confirm", end_session_confirm.show_end_session_confirm)
blueprint.add_url_rule(
    "/session/end/confirm",
    "submit_end_session_confirm",
    end_session_confirm.submit_end_session_confirm,
    methods=["POST"],
)
_get("/session/ended/<handle>", "show_session_ended", signed_out.show_session_ended)
