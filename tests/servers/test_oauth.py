"""The authorisation server of the tests grants, vouches and refuses as RFC 6749 and 7662 say."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, OAuthServer, oauth_server


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    """A running authorisation server."""
    with oauth_server("me@mail.test") as running:
        yield running


def post(url: str, **form: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON for a form."""
    try:
        with urllib.request.urlopen(url, urlencode(form).encode(), timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def client(**form: str) -> dict[str, str]:
    """A form with the client's own credentials."""
    return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **form}


@pytest.mark.parametrize(
    "grant",
    [{"grant_type": "client_credentials"}, {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}],
)
def test_a_granted_token_is_active_for_its_user(server: OAuthServer, grant: dict[str, str]) -> None:
    """Both grants give a token that introspection vouches for."""
    status, answer = post(server.token_url, **client(**grant))
    assert (status, answer["token_type"]) == (200, "Bearer")
    vouched = post(server.introspection_url, token=answer["access_token"])
    assert vouched == (200, {"active": True, "username": "me@mail.test"})


def test_a_revoked_token_is_inactive(server: OAuthServer) -> None:
    """After revocation introspection says no."""
    token = server.grant()
    server.revoke(token)
    assert post(server.introspection_url, token=token) == (200, {"active": False})


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"grant_type": "client_credentials"}, (401, {"error": "invalid_client"})),
        (client(grant_type="refresh_token", refresh_token="old"), (400, {"error": "invalid_grant"})),
        (client(grant_type="password"), (400, {"error": "unsupported_grant_type"})),
    ],
)
def test_refusals_have_their_oauth_error(
    server: OAuthServer, form: dict[str, str], refusal: tuple[int, dict[str, str]]
) -> None:
    """A wrong client, a dead refresh token and a strange grant are told apart."""
    assert post(server.token_url, **form) == refusal


def test_a_failure_can_be_ordered(server: OAuthServer) -> None:
    """The token endpoint answers as it was told, and nothing else lives on this server."""
    server.failure = (503, {"error": "temporarily_unavailable"})
    assert post(server.token_url, **client())[0] == 503
    assert post(server.token_url.replace("/token", "/elsewhere"))[0] == 404
