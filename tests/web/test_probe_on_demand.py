"""`/probe?target=&module=`, against live servers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from exporter.web import on_demand
from tests.servers.certificates import Workshop
from tests.servers.dns import Answer as Addresses
from tests.servers.dns import DnsServer, InTurn
from tests.servers.ports import free_ports
from tests.servers.prometheus import check_metrics
from tests.servers.scripted import bye, ehlo, greet, scripted, stall
from tests.servers.submission import PASSWORD, USER, submission_server
from tests.web.exporting import Answer, exporting, run

LOCAL: dict[str, Any] = {"tls": "none", "until": "ehlo", "timeout": "5s", "allowed_targets": ["127.0.0.0/8"]}
"""A module that may probe this machine."""
HEADER = "X-Prometheus-Scrape-Timeout-Seconds"

BLACKBOX = {
    "probe_success",
    "probe_duration_seconds",
    "probe_timeout_seconds",
    "probe_dns_lookup_time_seconds",
    "probe_ip_protocol",
    "probe_ssl_earliest_cert_expiry",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_tls_version_info",
}


def modules(**named: dict[str, Any]) -> dict[str, Any]:
    """A configuration with modules alone."""
    return {"modules": named}


def login(**more: Any) -> dict[str, Any]:
    """A module that logs in without TLS, on this machine only."""
    auth = {"username": USER, "password": PASSWORD, "allow_plaintext": True}
    return LOCAL | {"until": "auth", "auth": auth} | more


@pytest.mark.servers
def test_success_has_the_names_of_both_exporters(tmp_path: Path, workshop: Workshop) -> None:
    """A healthy target answers with our families, under its own name, and with blackbox's; promtool agrees."""
    certified = workshop.valid()
    module = login(tls="starttls", tls_config={"ca_file": workshop.ca_file})

    async def scenario() -> tuple[Answer, str]:
        async with (
            submission_server(context=certified.context()) as server,
            exporting(tmp_path, modules(mail=module)) as exporter,
        ):
            target = f"127.0.0.1:{server.port}"
            return await exporter.probe(target, "mail"), target

    answer, target = run(scenario())
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = set(re.findall(r"^# TYPE (\S+)", answer.text, re.MULTILINE))
    assert names >= BLACKBOX
    assert answer.sample("probe_success") == 1
    assert answer.sample("probe_ip_protocol") == 4
    assert answer.sample("probe_tls_version_info", version="TLS 1.3") == 1
    ends = answer.sample("smtp_probe_certificate_not_after_timestamp_seconds", certificate="earliest")
    assert answer.sample("probe_ssl_last_chain_expiry_timestamp_seconds") == ends
    assert answer.sample("smtp_probe_success", smtp_endpoint=target) == 1
    assert answer.sample("smtp_probe_auth_success", smtp_endpoint=target) == 1
    assert answer.sample("smtp_probe_endpoint_info", smtp_endpoint=target, module="mail", until="auth") == 1
    assert answer.sample("smtp_probe_attempts_total", smtp_endpoint=target) == 1
    assert not {name for name in names if name.startswith(("submission_exporter", "process", "python"))}
    assert "smtp_probe_interval_seconds" not in names
    assert "smtp_probe_next_run_timestamp_seconds" not in names
    assert check_metrics(answer.text.encode()) == ""


def test_every_request_has_a_registry_of_its_own(tmp_path: Path) -> None:
    """Nothing of one probe is in the answer to the next, nor on the board."""
    ports = free_ports(2)

    async def scenario() -> list[Answer]:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            answers = [await exporter.probe(f"127.0.0.1:{port}", "open") for port in (*ports, ports[0])]
            return [*answers, await exporter.ask("/metrics"), await exporter.ask("/api/v1/endpoints")]

    first, second, again, metrics, listed = run(scenario())
    assert str(ports[0]) in first.text
    assert str(ports[0]) not in second.text
    assert again.sample("smtp_probe_attempts_total") == 1
    assert "smtp_probe_success" not in metrics.text
    assert listed.text == "[]\n"


def test_failing_target_is_200(tmp_path: Path) -> None:
    """What the target does is told by metrics: the scrape itself has succeeded."""
    (port,) = free_ports(1)

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            return await exporter.probe(f"127.0.0.1:{port}", "open")

    answer = run(scenario())
    assert answer.status == 200
    assert answer.sample("probe_success") == 0
    assert answer.sample("probe_ip_protocol") == 0
    assert answer.sample("smtp_probe_failure", error_class="connect_refused", phase="connect") == 1
    assert answer.sample("probe_ssl_earliest_cert_expiry") is None


def test_openmetrics_is_spoken_too(tmp_path: Path) -> None:
    """The format is chosen as on /metrics."""
    (port,) = free_ports(1)

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            return await exporter.probe(
                f"127.0.0.1:{port}", "open", headers={"Accept": "application/openmetrics-text"}
            )

    answer = run(scenario())
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize(("accepts", "coding"), [("gzip", "gzip"), ("gzip;q=0, br", None), ("deflate", None)])
def test_a_cache_is_told_what_the_answer_depends_on(accepts: str, coding: str | None, tmp_path: Path) -> None:
    """Format and compression are chosen by two headers; gzip that is refused is not sent."""
    (port,) = free_ports(1)

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            return await exporter.probe(f"127.0.0.1:{port}", "open", headers={"Accept-Encoding": accepts})

    answer = run(scenario())
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers.get("Content-Encoding") == coding


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "target is missing"),
        ({"target": ""}, "target is missing"),
        ({"module": "open"}, "target is missing"),
        ({"target": "127.0.0.1:25", "module": "other"}, 'module "other" is not known'),
        ({"target": "127.0.0.1:25", "module": "o\r\nX: y"}, r'module "o\r\nX: y" is not known'),
        ({"target": "smtp.example.com"}, "names no port"),
        ({"target": "smtp://smtp.example.com:587"}, "a target is no URL"),
        ({"target": "a b:587"}, "is not a host name"),
        ({"target": "127.1:587"}, "127.1"),
        ({"target": "0x7f.1:587"}, "0x7f.1"),
        ({"target": "2130706433:587"}, "2130706433"),
        ({"target": "[::1]:587", "module": "four"}, "IPv6"),
        ({"target": "127.0.0.1:25", "module": "open", "hostname": "a b"}, "hostname: "),
        ({"target": "127.0.0.1:25", "module": "named", "hostname": "mail.test:25"}, "hostname: "),
    ],
)
def test_senseless_requests_are_400(query: dict[str, str], words: str, tmp_path: Path) -> None:
    """A missing or senseless target and an unknown module are told in a sentence."""

    async def scenario() -> Answer:
        four = LOCAL | {"ip_protocol": "ip4"}
        named = LOCAL | {"tls": "starttls", "tls_config": {"server_name": "mail.test"}}
        async with exporting(tmp_path, modules(open=LOCAL, four=four, named=named)) as exporter:
            return await exporter.ask("/probe", params=query)

    answer = run(scenario())
    assert answer.status == 400
    assert words in answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("own", "hostname", "verified"),
    [
        (None, "", False),
        (None, "elsewhere.test", True),
        (None, "Elsewhere.TEST.", True),
        (None, "mail.test", False),
        ("elsewhere.test", "mail.test", True),
        ("mail.test", "elsewhere.test", False),
    ],
)
def test_hostname_is_the_name_that_the_certificate_bears(
    own: str | None, hostname: str, verified: bool, tmp_path: Path, workshop: Workshop
) -> None:
    """As in blackbox_exporter: the request names the TLS server, unless the module does."""
    tls_config = {"ca_file": workshop.ca_file} | ({"server_name": own} if own else {})
    module = LOCAL | {"tls": "starttls", "tls_config": tls_config}

    async def scenario() -> Answer:
        async with (
            submission_server(context=workshop.wrong_name().context()) as server,
            exporting(tmp_path, modules(open=module)) as exporter,
        ):
            return await exporter.probe(f"127.0.0.1:{server.port}", "open", query={"hostname": hostname})

    answer = run(scenario())
    assert answer.status == 200, answer.text
    assert answer.sample("probe_success") == verified
    if not verified:
        assert answer.sample("smtp_probe_failure", error_class="cert_hostname_mismatch") == 1


@pytest.mark.parametrize(
    ("own", "hostname"), [(None, "evil.test"), ("mail.test", "evil.test"), (None, "127.0.0.1")]
)
def test_nobody_says_whose_certificate_is_good_for_a_password(
    own: str | None, hostname: str, tmp_path: Path
) -> None:
    """A module with credentials takes no other name from a request, or whoever stands between would choose his own."""
    module = login(tls="starttls", tls_config={"server_name": own} if own else {})

    async def scenario() -> tuple[Answer, list[list[str]]]:
        async with (
            scripted([greet(), ehlo(), bye()]) as server,
            exporting(tmp_path, modules(mail=module)) as exporter,
        ):
            target = f"127.0.0.1:{server.port}"
            return await exporter.probe(target, "mail", query={"hostname": hostname}), server.verbs

    answer, verbs = run(scenario())
    foreign = own is None and hostname != "127.0.0.1"
    assert answer.status == (403 if foreign else 200)
    assert bool(verbs) is not foreign
    assert ("no hostname of the request" in answer.text) is foreign


def test_hostname_opens_no_target(tmp_path: Path) -> None:
    """`allowed_targets` and the walls judge the target, whatever the certificate should bear."""
    module = {"tls": "starttls", "until": "ehlo", "allowed_targets": ["mail.test"]}

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=module)) as exporter:
            return await exporter.probe("127.0.0.1:587", "open", query={"hostname": "mail.test"})

    assert run(scenario()).status == 403


@pytest.mark.parametrize("parameter", ["target", "module", "hostname"])
def test_what_is_given_twice_is_not_chosen_from(parameter: str, tmp_path: Path) -> None:
    """Two targets or two modules are a fault of the request, whichever comes first: neither is probed."""

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            query = [("target", "127.0.0.1:1"), ("module", "open"), ("hostname", "a"), (parameter, "open")]
            return await exporter.ask("/probe", params=query)

    answer = run(scenario())
    assert answer.status == 400
    assert answer.text == f"{parameter} is given 2 times; give it once\n"


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, 5.0), ("3", 2.5), ("10", 5.0), ("1.5", 1.0), ("0.6", 0.3), ("0.25", 0.125)]
)
def test_deadline_leaves_time_for_the_way_back(header: str | None, seconds: float, tmp_path: Path) -> None:
    """The deadline is the module's, or what the scrape's own leaves after half a second."""
    (port,) = free_ports(1)

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            headers = {} if header is None else {HEADER: header}
            return await exporter.probe(f"127.0.0.1:{port}", "open", headers=headers)

    assert run(scenario()).sample("probe_timeout_seconds") == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["soon", "0", "-1", "nan", "inf", ""])
def test_deadline_has_to_be_a_time(header: str, tmp_path: Path) -> None:
    """A header that is no number of seconds is a fault of the request."""

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            return await exporter.probe("127.0.0.1:25", "open", headers={HEADER: header})

    answer = run(scenario())
    assert answer.status == 400
    assert HEADER in answer.text


def test_silent_target_ends_before_the_scrape(tmp_path: Path) -> None:
    """A target that says nothing is a failed probe within the scrape's time, not a failed scrape."""

    async def scenario() -> tuple[Answer, float]:
        async with scripted([stall()]) as server, exporting(tmp_path, modules(open=LOCAL)) as exporter:
            began = asyncio.get_running_loop().time()
            answer = await exporter.probe(f"127.0.0.1:{server.port}", "open", headers={HEADER: "0.8"})
            return answer, asyncio.get_running_loop().time() - began

    answer, took = run(scenario())
    assert answer.sample("smtp_probe_failure", error_class="greeting_timeout") == 1
    assert took < 0.8


def test_debug_shows_everything_but_secrets(tmp_path: Path) -> None:
    """`debug=true` shows steps, verdict, transcript, metrics and the module as it was used."""

    async def scenario() -> Answer:
        async with (
            submission_server(replies={"AUTH": f"535 5.7.8 no such password: {PASSWORD}"}) as server,
            exporting(tmp_path, modules(mail=login())) as exporter,
        ):
            return await exporter.probe(f"127.0.0.1:{server.port}", "mail", query={"debug": "true"})

    answer = run(scenario())
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    for words in (
        "FAIL  auth",
        "credentials_rejected",
        "C: AUTH PLAIN <secret>",
        "535 5.7.8 no such password: <secret>",
        "\nprobe_success 0.0\n",
        "password: <secret>",
        f'username: "{USER}"' if "@" not in USER else USER,
        "until: auth",
    ):
        assert words in answer.text
    assert PASSWORD not in answer.text


def test_debug_escapes_what_a_server_says(tmp_path: Path) -> None:
    """Escape sequences of a server do not reach the terminal of whoever debugs."""

    async def scenario() -> Answer:
        async with (
            submission_server(replies={"EHLO": "550 \x1b]0;owned\x07\x1b[2J go away"}) as server,
            exporting(tmp_path, modules(open=LOCAL)) as exporter,
        ):
            return await exporter.probe(f"127.0.0.1:{server.port}", "open", query={"debug": "true"})

    answer = run(scenario())
    assert r"\x1b[2J go away" in answer.text
    assert "\x1b" not in answer.text
    assert "\x07" not in answer.text


def test_wrong_password_is_tried_once(tmp_path: Path) -> None:
    """The back-off after a refused login is shared by every request: a scrape a second locks no account."""

    async def scenario() -> tuple[list[Answer], list[list[str]]]:
        async with (
            submission_server(replies={"AUTH": "535 5.7.8 Bad credentials"}) as server,
            exporting(tmp_path, modules(mail=login())) as exporter,
        ):
            answers = [await exporter.probe(f"127.0.0.1:{server.port}", "mail") for _ in range(3)]
            return answers, server.verbs

    answers, verbs = run(scenario())
    assert sum("AUTH" in session for session in verbs) == 1
    assert len(verbs) == 3
    for answer in answers:
        assert answer.sample("probe_success") == 0
        assert answer.sample("smtp_probe_failure", error_class="credentials_rejected") == 1
    assert answers[0].sample("smtp_probe_backing_off", scope="auth") == 0
    assert answers[1].sample("smtp_probe_backing_off", scope="auth") == 1


def test_messages_are_fifteen_minutes_apart(tmp_path: Path) -> None:
    """A scrape a second sends one message: the others are 429 with the time to wait, whatever module asks."""
    message = {"from": "probe@mail.test", "to": "Sink@mail.test"}
    sending = login(until="data", message=message)
    other = login(until="data", message={"from": "other@mail.test", "to": "sink@mail.test"})
    elsewhere = login(until="data", message={"from": "probe@mail.test", "to": "drain@mail.test"})

    async def scenario() -> tuple[list[Answer], int]:
        async with (
            submission_server() as server,
            exporting(tmp_path, modules(a=sending, b=other, c=elsewhere)) as exporter,
        ):
            asked = [exporter.probe(f"127.0.0.1:{server.port}", module) for module in "aaba"]
            answers = await asyncio.gather(*asked)
            answers += [await exporter.probe(f"127.0.0.1:{server.port}", module) for module in "bc"]
            return answers, sum(len(session.messages) for session in server.sessions)

    answers, messages = run(scenario())
    assert [answer.status for answer in answers] == [200, 429, 429, 429, 429, 200]
    assert messages == 2
    assert 890 < int(answers[1].headers["Retry-After"]) <= 900
    assert "a message" in answers[1].text


def test_server_that_asks_for_patience_is_left_alone(tmp_path: Path) -> None:
    """After a 421 the verdict stands for the next scrapes: a failed probe, and no connection."""

    async def scenario() -> tuple[list[Answer], int]:
        async with (
            submission_server(replies={"greeting": "421 4.7.0 Too many connections from your IP"}) as server,
            exporting(tmp_path, modules(open=LOCAL)) as exporter,
        ):
            answers = [await exporter.probe(f"127.0.0.1:{server.port}", "open") for _ in range(3)]
            answers.append(await exporter.probe(f"127.0.0.1:{server.port}", "open", query={"debug": "true"}))
            return answers, len(server.sessions)

    answers, connections = run(scenario())
    assert connections == 1
    assert [answer.status for answer in answers] == [200] * 4
    for number, answer in enumerate(answers[:3]):
        assert answer.sample("probe_success") == 0
        assert answer.sample("smtp_probe_success") == 0
        assert answer.sample("smtp_probe_reply_code") == 421
        assert answer.sample("smtp_probe_failure", error_class="connection_limit", phase="greeting") == 1
        assert answer.sample("smtp_probe_backing_off", scope="endpoint") == (number > 0)
    assert "held back" in answers[3].text


def test_stranger_causes_no_follow_up(tmp_path: Path) -> None:
    """A silent port is not examined further: one request, one connection."""
    configuration = modules(open=LOCAL | {"timeout": "300ms"})
    configuration["global"] = {"follow_up": {"enabled": True}}

    async def scenario() -> int:
        async with scripted([stall()]) as server, exporting(tmp_path, configuration) as exporter:
            await exporter.probe(f"127.0.0.1:{server.port}", "open")
            return len(server.connections)

    assert run(scenario()) == 1


def test_connection_goes_to_the_address_that_was_judged(tmp_path: Path) -> None:
    """A name that changes its address between look-up and connection gains nothing (DNS rebinding)."""
    zone = {
        "rebinding.test": InTurn((Addresses(a=("127.0.0.1",)), Addresses(a=("10.0.0.1",)))),
        "inside.test": Addresses(a=("10.9.9.9", "127.0.0.1"), aaaa=("::1",)),
    }

    async def scenario(dns: DnsServer) -> tuple[list[Answer], list[list[str]]]:
        configuration = modules(open=LOCAL | {"timeout": "2s"})
        configuration["global"] = {"resolver": {"nameservers": [dns.nameserver]}}
        async with (
            scripted([greet(), ehlo(), bye()]) as server,
            exporting(tmp_path, configuration) as exporter,
        ):
            answers = [
                await exporter.probe(f"{name}:{server.port}", "open", query={"debug": "1"}) for name in zone
            ]
            answers.append(await exporter.probe(f"rebinding.test:{server.port}", "open"))
            return answers, server.verbs

    with DnsServer(zone) as dns:  # type: ignore[arg-type]
        (rebinding, mixed, changed), verbs = run(scenario(dns))
        asked = [query for query in dns.queries if query.name == "inside.test" and query.qtype == "A"]
    assert verbs == [["EHLO", "QUIT"]] * 2
    assert "probe_success 1.0" in rebinding.text
    assert "probe_success 1.0" in mixed.text  # at 127.0.0.1: the other addresses were left out
    assert "10.9.9.9" not in mixed.text
    assert len(asked) == 1
    assert changed.status == 403
    assert "a private address" in changed.text
    assert "10.0.0.1" not in changed.text


def test_limit_on_concurrent_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit a request is sent away for a second at once; afterwards there is room again."""
    monkeypatch.setattr(on_demand, "MOST_PROBES", 2)

    async def scenario() -> tuple[Answer, list[Answer], Answer]:
        async with (
            scripted([stall()]) as server,
            exporting(tmp_path, modules(open=LOCAL | {"timeout": "1s"})) as exporter,
        ):
            target = f"127.0.0.1:{server.port}"
            held = [asyncio.ensure_future(exporter.probe(target, "open")) for _ in range(2)]
            await exporter.until(lambda: len(server.connections) == 2, "two probes")
            refused = await exporter.probe(target, "open")
            return refused, await asyncio.gather(*held), await exporter.probe(target, "open")

    refused, held, later = run(scenario())
    assert refused.status == 503
    assert refused.headers["Retry-After"] == "1"
    assert [answer.status for answer in (*held, later)] == [200, 200, 200]


def test_bug_of_ours_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw is class exporter_error, counted, and never the server's fault."""

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(PASSWORD)

    async def scenario() -> tuple[Answer, Answer]:
        async with exporting(tmp_path, modules(open=LOCAL)) as exporter:
            monkeypatch.setattr("exporter.observe.Observer.observe", broken)
            return await exporter.probe("127.0.0.1:1", "open"), await exporter.ask("/metrics")

    answer, metrics = run(scenario())
    assert answer.status == 200
    assert answer.sample("smtp_probe_failure", error_class="exporter_error", fault_domain="local") == 1
    assert PASSWORD not in answer.text
    assert metrics.sample("submission_exporter_bugs_total") == 1


def test_default_module_is_that_of_the_global_section(tmp_path: Path) -> None:
    """Without a module the global defaults count."""
    (port,) = free_ports(1)
    configuration = {
        "endpoints": [{"name": "here", "target": f"127.0.0.1:{port}"}],
        "global": {"timeout": "2s"},
    }

    async def scenario() -> Answer:
        async with exporting(tmp_path, configuration) as exporter:
            return await exporter.probe(f"127.0.0.1:{port}")

    answer = run(scenario())
    assert answer.status == 200
    assert answer.sample("probe_timeout_seconds") == 2


def test_debug_shows_how_a_token_is_got_and_no_token(tmp_path: Path) -> None:
    """Of an OAuth2 login the addresses and names are shown, and no secret."""
    (port,) = free_ports(1)
    grant = {
        "token_url": f"https://login.example.com/token?code={quote(PASSWORD)}",
        "client_id": "probe",
        "client_secret": PASSWORD,
        "refresh_token": PASSWORD[::-1],
        "scopes": ["mail.send"],
    }
    auth = {"username": USER, "oauth2": grant, "every": "5m", "allow_plaintext": True}

    async def scenario() -> Answer:
        async with exporting(tmp_path, modules(mail=LOCAL | {"until": "auth", "auth": auth})) as exporter:
            return await exporter.probe(f"127.0.0.1:{port}", "mail", query={"debug": "true"})

    text = run(scenario()).text
    for words in (
        "token?code=<secret>",
        "client_id: probe",
        "scopes: [mail.send]",
        "every: 5m",
        "client_secret: <secret>",
    ):
        assert words in text
    for secret in (PASSWORD, quote(PASSWORD), PASSWORD[::-1]):
        assert secret not in text


def test_encrypted_target_that_is_not_trusted_shows_its_certificate(
    tmp_path: Path, workshop: Workshop
) -> None:
    """The end of a certificate that does not verify is told; that of a verified chain is not made up."""
    certified = workshop.expired()

    async def scenario() -> Answer:
        module = LOCAL | {"tls": "starttls", "tls_config": {"ca_file": workshop.ca_file}}
        async with (
            submission_server(context=certified.context()) as server,
            exporting(tmp_path, modules(mail=module)) as exporter,
        ):
            return await exporter.probe(f"127.0.0.1:{server.port}", "mail")

    answer = run(scenario())
    assert answer.sample("probe_success") == 0
    assert answer.sample("probe_ssl_earliest_cert_expiry") is not None
    assert answer.sample("probe_ssl_last_chain_expiry_timestamp_seconds") is None
