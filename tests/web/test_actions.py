"""What changes something: POST only, and not from another site's page."""

from __future__ import annotations

import aiohttp
import pytest

from exporter.board import Board
from tests.metrics.reading import board_of
from tests.metrics.synthetic import healthy
from tests.web.browsing import Page, browse, get


class Service:
    """Takes note of what it is asked to do."""

    def __init__(self, *, refusal: str | None = None, accepts: bool = True) -> None:
        self.refusal = refusal
        self.accepts = accepts
        self.probed: list[str] = []
        self.reloads = 0

    async def probe_now(self, name: str) -> str | None:
        """Probe, unless it is held back."""
        self.probed.append(name)
        return self.refusal

    async def reload(self) -> bool:
        """Reload, unless the file is bad."""
        self.reloads += 1
        return self.accepts


def post(
    service: Service,
    path: str,
    *,
    data: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    board: Board | None = None,
) -> tuple[int, str, str | None]:
    """Status, body and the address that the answer leads to."""

    async def visit(client: aiohttp.ClientSession) -> tuple[int, str, str | None]:
        async with client.post(path, data=data, headers=headers, allow_redirects=False) as response:
            return response.status, await response.text(), response.headers.get("Location")

    return browse(
        board or board_of(healthy()),
        visit,
        probe_now=service.probe_now,
        reload=service.reload,
        problems=lambda: ("my.yml:3: endpoints[0].target: it names no port",),
    )


def test_probe_now_leads_back_to_the_page() -> None:
    """The button probes the endpoint once and shows its page again."""
    service = Service()
    assert post(service, "/probe-now", data={"name": "mail"}) == (303, "", "endpoint?name=mail")
    assert service.probed == ["mail"]


def test_probe_now_respects_what_holds_it_back() -> None:
    """A probe that is held back is refused with the reason."""
    service = Service(refusal="the last login was rejected; the next is due in 4 min")
    status, text, _ = post(service, "/probe-now", data={"name": "mail"})
    assert status == 409
    assert text == "not probed: the last login was rejected; the next is due in 4 min\n"


def test_held_back_probe_has_a_page_with_a_way_back() -> None:
    """Whoever pressed the button reads why nothing was probed, and gets back to the endpoint."""
    service = Service(refusal="the server asked for <patience>")
    headers = {"Accept": "text/html"}
    status, html, _ = post(service, "/probe-now", data={"name": "mail"}, headers=headers)
    page = Page.read(html)
    assert status == 409
    assert "Not probed: the server asked for <patience>." in page.text
    assert "endpoint?name=mail" in [link["href"] for link in page.all("a")]


@pytest.mark.parametrize("data", [{"name": "nobody"}, {}, None])
def test_probe_now_knows_only_endpoints_of_the_board(data: dict[str, str] | None) -> None:
    """No other target can be probed this way."""
    service = Service()
    assert post(service, "/probe-now", data=data)[0] == 404
    assert service.probed == []


def test_reload_answers_as_prometheus_does() -> None:
    """200 when the configuration was loaded, 500 with every problem when it was refused."""
    assert post(Service(), "/-/reload")[0] == 200
    assert post(Service(accepts=False), "/-/reload")[:2] == (
        500,
        "configuration not reloaded\nmy.yml:3: endpoints[0].target: it names no port\n",
    )


@pytest.mark.parametrize("path", ["/-/reload", "/probe-now"])
def test_get_changes_nothing(path: str) -> None:
    """A link or an image cannot reload or probe."""

    async def visit(client: aiohttp.ClientSession) -> int:
        async with client.get(path) as response:
            return response.status

    service = Service()
    status = browse(board_of(healthy()), visit, probe_now=service.probe_now, reload=service.reload)
    assert status == 405
    assert (service.probed, service.reloads) == ([], 0)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://mail.example:10587", "Host": "mail.example:10587"}, True),
        ({"Origin": "https://mail.example:10587", "Host": "mail.example:10587"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://x", "Host": "x"}, False),
    ],
)
def test_other_sites_are_refused(headers: dict[str, str], allowed: bool) -> None:
    """A browser that comes from another site's page is refused; curl, which has no pages, is not."""
    service = Service()
    status, _, _ = post(service, "/-/reload", headers=headers)
    assert status == (200 if allowed else 403)
    assert service.reloads == int(allowed)


def test_button_is_there_only_when_it_works() -> None:
    """An exporter that offers no probing at will shows no button."""
    assert Page.read(get(board_of(healthy()), "/endpoint?name=mail")).all("button") == []
    page = Page.read(get(board_of(healthy()), "/endpoint?name=mail", probe_now=Service().probe_now))
    assert len(page.all("button")) == 1
    (form,) = page.all("form")
    assert form == {"method": "post", "action": "probe-now"}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"Content-Type": "multipart/form-data"}, b"name=mail", 415),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=nope"}, b"name=nobody", 404),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"name=\xff", 404),
        ({"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}, b"abc", 400),
    ],
)
def test_a_form_that_cannot_be_read_is_the_sender_s_fault(
    headers: dict[str, str], body: bytes, status: int
) -> None:
    """No odd body is a bug of ours, and none probes anything."""
    service = Service()

    async def visit(client: aiohttp.ClientSession) -> int:
        async with client.post("/probe-now", data=body, headers=headers) as response:
            return response.status

    assert (
        browse(board_of(healthy()), visit, probe_now=service.probe_now, reload=service.reload, problems=tuple)
        == status
    )
    assert not service.probed
