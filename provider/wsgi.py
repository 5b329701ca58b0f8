"""The provider as a WSGI application, for any WSGI server: `provider.wsgi:application`."""

from provider.app import create_app

application = create_app()
