"""The processes of one provider while its secret key is replaced."""

import json
from dataclasses import replace

from click.testing import CliRunner

from provider.app import compose_services
from provider.cli import main
from provider.infrastructure import current, event_log
from provider.infrastructure.database import db
from tests.support.reads import end_read


class Fleet:
    """The processes of one provider, one of which is at work at a time, and the operator's command."""

    def __init__(self, app, settings, path):
        self.app, self.settings, self.path = app, settings, path
        self.old = current.services()
        self.key = settings.secret_key

    def start(self, key=None):
        """Start another process, with the key that is set unless another is named."""
        services = compose_services(replace(self.settings, secret_key=key or self.key))
        self.work(services)
        return services

    def work(self, services):
        end_read()
        current.install(self.app, services)

    def rekey(self, *arguments, key=None, code=0):
        environ = {
            "CURFEW_DATABASE_URL": self.settings.resolved_database_url,
            "CURFEW_DATA_DIR": str(self.settings.data_dir),
            "CURFEW_SECRET_KEY": key or self.key,
        }
        end_read()
        result = CliRunner().invoke(main, ["keys", "rekey", "--json", *map(str, arguments)], env=environ)
        event_log.configure(self.settings.log_level)
        assert result.exit_code == code, (result.output, result.exception)
        db.session.expire_all()
        return json.loads(result.stdout) if code == 0 else result.stderr

    def replace_key(self):
        """Begin with the command, and set the new key; what runs already still has the old one."""
        counts = self.rekey("--new-key-file", self.path)
        self.key = self.path.read_text()
        return counts
