"""An OAuth2 authorisation server on loopback: a token endpoint and introspection (RFC 6749, 7662)."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

CLIENT_ID = "probe-client"
CLIENT_SECRET = "client s3cret"
REFRESH_TOKEN = "refresh-token-of-the-probe"


class OAuthServer:
    """Grants bearer tokens and vouches for them; what it was asked is kept.

    `failure` makes the token endpoint answer (HTTP status, JSON) instead of granting anything.
    """

    def __init__(self, port: int, user: str) -> None:
        self.token_url = f"http://127.0.0.1:{port}/token"
        self.introspection_url = f"http://127.0.0.1:{port}/introspect"
        self.user = user
        self.lifetime = 3600
        self.failure: tuple[int, dict[str, Any]] | None = None
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and form of every request."""
        self._tokens: dict[str, str] = {}

    def grant(self, user: str | None = None) -> str:
        """A new access token for `user`."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = user or self.user
        return token

    def revoke(self, token: str) -> None:
        """From now on the token is worth nothing."""
        self._tokens.pop(token, None)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The HTTP status and JSON for a form that was posted to `path`."""
        self.requests.append((path, form))
        match path:
            case "/introspect":
                user = self._tokens.get(form.get("token", ""))
                return 200, {"active": True, "username": user} if user else {"active": False}
            case "/token" if self.failure is not None:
                return self.failure
            case "/token":
                return self._token(form)
            case _:
                return 404, {}

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        match form.get("grant_type"):
            case "client_credentials":
                pass
            case "refresh_token" if form.get("refresh_token") == REFRESH_TOKEN:
                pass
            case "refresh_token":
                return 400, {"error": "invalid_grant"}
            case _:
                return 400, {"error": "unsupported_grant_type"}
        return 200, {"access_token": self.grant(), "token_type": "Bearer", "expires_in": self.lifetime}


@contextmanager
def oauth_server(user: str) -> Iterator[OAuthServer]:
    """A running authorisation server that grants tokens for `user`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            status, content = server.answer(self.path, form)
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = OAuthServer(http.server_address[1], user)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
