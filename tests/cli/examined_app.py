"""Apps for `curfew doctor` to examine: one that answers as a test says, and the real demo app."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import requests

from tests.support.waiting import PATIENCE, wait_until


class App:
    """A relying party's endpoint that answers by a function of the token, and keeps what it got."""

    def __init__(self, judge):
        self.judge = judge
        self.tokens = []
        self.headers = {"Cache-Control": "no-store"}
        app = self

        class Endpoint(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                app.tokens += form["logout_token"]
                self.send_response(app.judge(form["logout_token"][0]))
                for name, value in ({"Content-Length": "0"} | app.headers).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.server.daemon_threads = True
        self.port = self.server.server_port


@contextmanager
def running(judge, context=None):
    app = App(judge)
    if context:
        app.server.socket = context.wrap_socket(app.server.socket, server_side=True)
    thread = threading.Thread(target=app.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield app
    finally:
        app.server.shutdown()
        app.server.server_close()
        thread.join()


def first_only(status=200, refusal=400):
    """Accepts the first token it gets and no other."""
    statuses = iter([status])
    return lambda _: next(statuses, refusal)


@contextmanager
def published(documents):
    """Serves the provider's documents at an issuer of their own; `documents` takes the issuer."""

    class Document(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(documents(issuer)[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Document)
    issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def demo_app(issuer, port, folder):
    options = ["--name", "red", "--port", str(port), "--issuer", issuer, "--client-id", "red"]
    process = subprocess.Popen(
        [sys.executable, "-m", "relying_party_demo", *options, "--data-dir", str(folder)],
        env={**os.environ, "RP_CLIENT_SECRET": "red-secret"},
        stdout=subprocess.DEVNULL,
    )

    def answers():
        try:
            return requests.get(f"http://127.0.0.1:{port}/api/state", timeout=PATIENCE).status_code == 200
        except requests.ConnectionError:
            return False

    try:
        wait_until(answers)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
