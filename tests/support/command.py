"""The `curfew` command beside a provider that is already at work on the same database."""

from click.testing import CliRunner

from provider.cli import main
from provider.infrastructure import current, event_log
from tests.support.reads import end_read


def run_curfew(*arguments: object, stdin: str = "") -> str:
    """Run `curfew` with the settings of the application at work; returns what it printed."""
    settings = current.settings()
    environ = {
        "CURFEW_DATABASE_URL": settings.resolved_database_url,
        "CURFEW_DATA_DIR": str(settings.data_dir),
        "CURFEW_SECRET_KEY": settings.secret_key,
        "CURFEW_ARGON2_MEMORY": str(settings.argon2_memory),
        "CURFEW_ARGON2_PASSES": str(settings.argon2_passes),
        "CURFEW_PASSWORD_MIN_LENGTH": str(settings.password_min_length),
    }
    # The command is a process of its own: nothing that is still being read may stand in its way.
    end_read()
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, env=environ)
    # It has sent the log of this process to a stream of its own.
    event_log.configure(settings.log_level)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout
