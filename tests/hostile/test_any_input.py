"""Whatever comes in from outside: SMTP sessions, web configurations, addresses of `/probe`.

`make fuzz` runs these, and their relatives for replies, pasted errors and settings, for much longer.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from exporter.diagnosis import diagnose
from exporter.model import Auth, Endpoint, Mechanism, Phase, ProbeResult, Secret, TlsMode
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.settings import ConfigError
from exporter.web.access.load import load_access
from exporter.web.admission import inside
from tests.examples import examples
from tests.hostile.test_smtp_servers import INTERFERING
from tests.servers.certificates import Workshop
from tests.servers.prometheus import PROMTOOL
from tests.servers.scripted import Stage, scripted
from tests.web.exporting import exporting, run
from tests.web.web_configurations import HASH, SHARED_WITH_PROMETHEUS

PASSWORD = "open sesame"

# --------------------------------------------------------------------------- SMTP sessions

REPLIES = st.one_of(
    st.sampled_from(
        [
            b"220 mail.test ESMTP\r\n",
            b"250 ok\r\n",
            b"250-mail.test\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250-STARTTLS\r\n250 SIZE 1000\r\n",
            b"250-AUTH=LOGIN PLAIN\r\n",
            b"334 VXNlcm5hbWU6\r\n",
            b"334 \r\n",
            b"334 PDEyMy40NTZAbWFpbC50ZXN0Pg==\r\n",
            b"235 2.7.0 ok\r\n",
            b"535 5.7.8 no\r\n",
            b"421 4.3.2 closing\r\n",
            b"221 bye\r\n",
            b"354 go\r\n",
            b"220-",
            b"220",
            b"\r\n",
            b"\n",
            b"\r",
        ]
    ),
    st.binary(max_size=40),
    st.builds(lambda code, text: b"%d %s\r\n" % (code, text), st.integers(0, 1000), st.binary(max_size=60)),
    st.builds(lambda code, text: b"%d-%s\r\n" % (code, text), st.integers(200, 599), st.binary(max_size=60)),
)
TURNS = st.lists(st.lists(REPLIES, max_size=4).map(b"".join), max_size=9)
"""What a server says at first, and after each line that it hears."""


@given(TURNS, st.sampled_from(Mechanism), st.booleans())
@examples(60)
def test_any_session_ends_in_a_verdict(turns: list[bytes], mechanism: Mechanism, hangs_up: bool) -> None:
    """A server may say anything at any time: the probe ends by its deadline, printable and without the secret."""

    async def serve(stage: Stage) -> None:
        for turn in turns:
            await stage.wire.write(turn)
            if not await stage.wire.read_line():
                return
        if not hangs_up:
            while await stage.wire.read():
                pass

    async def scenario() -> tuple[ProbeResult, float]:
        async with scripted([serve]) as server:
            endpoint = Endpoint(
                name="any",
                host="127.0.0.1",
                port=server.port,
                tls=TlsMode.NONE,
                until=Phase.AUTH,
                interval=60.0,
                timeout=0.15,
                auth=Auth(username="u", password=Secret(PASSWORD), mechanism=mechanism, allow_plaintext=True),
            )
            resolver = Resolver()
            try:
                began = asyncio.get_running_loop().time()
                result = await Prober(resolver).run(endpoint)
                return result, asyncio.get_running_loop().time() - began
            finally:
                resolver.close()

    result, seconds = run(scenario())
    assert seconds < 5
    if result.symptom is not None:
        assert diagnose(result.symptom).error_class != "exporter_error"
    for line in result.transcript:
        assert not INTERFERING.search(line)
    assert PASSWORD not in repr(result)


# --------------------------------------------------------------------------- web configurations

WORDS = st.one_of(
    st.sampled_from(
        [
            *("tls_server_config", "http_server_config", "basic_auth_users", "cert_file", "key_file"),
            *("client_auth_type", "client_ca_file", "min_version", "max_version", "cipher_suites"),
            *("curve_preferences", "prefer_server_cipher_suites", "http2", "headers", "X-Frame-Options"),
            *("server.pem", "server.key", "ca.pem", "nowhere", "TLS12", "TLS13", "deny", "nosniff", HASH),
            *("NoClientCert", "RequireAndVerifyClientCert", "X-Content-Type-Options", "X25519", "alice"),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ]
    ),
    st.booleans(),
    st.none(),
    st.integers(-5, 70_000),
    st.floats(allow_nan=False),
    st.text("abz:-#{}[]&*!|>'\"%@` \n\té\x7f", max_size=6),
)
DOCUMENTS = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | WORDS.filter(str.__instancecheck__), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """Nearly good files: sections with known keys, and values that mostly make sense."""

    def some(keys: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
        chosen = draw(st.lists(st.sampled_from(sorted(keys)), unique=True, max_size=len(keys)))
        return {
            key: draw(keys[key] | WORDS) if draw(st.integers(0, 9)) == 0 else draw(keys[key])
            for key in chosen
        }

    tls = {
        "cert_file": st.sampled_from(["server.pem", "server.pem", "other.pem"]),
        "key_file": st.sampled_from(["server.key", "server.key", "other.key"]),
        "client_ca_file": st.sampled_from(["ca.pem", "", "nowhere"]),
        "client_auth_type": st.sampled_from(
            ["NoClientCert", "RequireAndVerifyClientCert", "RequestClientCert"]
        ),
        "min_version": st.sampled_from(["TLS12", "TLS13", "TLS10", "SSL3"]),
        "cipher_suites": st.lists(
            st.sampled_from(["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]), max_size=2
        ),
        "curve_preferences": st.lists(st.sampled_from(["X25519", "CurveP256", "secp256r1"]), max_size=2),
        "prefer_server_cipher_suites": st.booleans(),
    }
    whole = some(
        {
            "tls_server_config": st.just(some(tls)),
            "http_server_config": st.just(
                some(
                    {
                        "http2": st.booleans(),
                        "headers": st.dictionaries(
                            st.sampled_from(
                                ["X-Frame-Options", "X-Content-Type-Options", "Content-Security-Policy"]
                            ),
                            st.sampled_from(["deny", "nosniff", "DENY", "", "default-src 'self'"]),
                            max_size=2,
                        ),
                    }
                )
            ),
            "basic_auth_users": st.dictionaries(
                st.sampled_from(["alice", "bob", "1"]),
                st.sampled_from([HASH, HASH[:59], HASH[:58], "x", ""]),
                max_size=2,
            ),
        }
    )
    text: str = yaml.safe_dump(whole)
    return text


def accepts(text: bytes, folder: Path) -> bool:
    """Whether a file is accepted; a refusal is a ConfigError with remedies, in printable words."""
    file = folder / "web.yml"
    file.write_bytes(text)
    try:
        load_access(file)
    except ConfigError as error:
        problems = error.problems
    else:
        return True
    assert problems
    for problem in problems:
        assert str(problem).isprintable()
        assert problem.remedy
    return False


@pytest.fixture(scope="module")
def folder(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates under the names that the configurations use."""
    folder = tmp_path_factory.mktemp("any-web")
    for name, certified in (("server", workshop.valid()), ("other", workshop.self_signed())):
        (folder / f"{name}.pem").write_bytes(Path(certified.certificate_file).read_bytes())
        (folder / f"{name}.key").write_bytes(Path(certified.key_file).read_bytes())
    (folder / "ca.pem").write_bytes(Path(workshop.ca_file).read_bytes())
    return folder


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(str.encode)
    | DOCUMENTS.map(lambda one: yaml.safe_dump(one).encode())
)
def test_any_web_configuration_is_read_or_refused(folder: Path, text: bytes) -> None:
    """No bytes make the reader fail in another way than by its list of problems."""
    accepts(text, folder)


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A known configuration with some bytes changed."""
    text = bytearray(
        draw(st.sampled_from(sorted(SHARED_WITH_PROMETHEUS.values()))).encode("utf-8", "replace")
    )
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        text[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(text)


@given(mutilated())
def test_any_mutilated_web_configuration_is_read_or_refused(folder: Path, text: bytes) -> None:
    """A typing error is a problem with a remedy."""
    accepts(text, folder)


@pytest.mark.servers
@given(st.lists(configurations(), min_size=20, max_size=20, unique=True))
@examples(4, cost=20)
def test_any_plausible_configuration_is_judged_as_promtool_does(folder: Path, texts: list[str]) -> None:
    """On files that a person might write, both tools agree."""
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        inner = Path(directory)
        for file in folder.iterdir():
            if file.is_file():
                (inner / file.name).symlink_to(file)
        files = []
        for number, text in enumerate(texts):
            files.append(inner / f"{number}.yml")
            files[-1].write_text(text)
        done = subprocess.run(
            [PROMTOOL, "check", "web-config", *map(str, files)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        found = re.findall(r"^(\S+\.yml) (SUCCESS|FAILED)", done.stdout + done.stderr, re.MULTILINE)
        theirs = {Path(name).name: verdict == "SUCCESS" for name, verdict in found}
        ours = {f"{number}.yml": accepts(text.encode(), inner) for number, text in enumerate(texts)}
        differing = {
            texts[int(name.partition(".")[0])]: theirs[name]
            for name, verdict in ours.items()
            if verdict != theirs[name]
        }
    assert differing == {}


# --------------------------------------------------------------------------- addresses of /probe


@pytest.mark.hypothesis
def test_any_target_is_probed_or_refused_in_words(tmp_path: Path) -> None:
    """No target and no module makes an error of ours, and nothing is ever probed that may not be."""
    texts = st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            ["127.0.0.1:25", "[::1]:25", "localhost:25", "0:1", "[::ffff:127.0.0.1]:1", "a" * 300 + ":1"]
        ),
        st.builds(
            "{}:{}".format,
            st.ip_addresses().filter(lambda ip: inside(str(ip)) is not None),
            st.integers(-1, 70_000),
        ),
    )
    configuration = {"modules": {"open": {"tls": "none", "timeout": "100ms"}}}

    async def scenario() -> None:
        async with exporting(tmp_path, configuration) as exporter:
            loop = asyncio.get_running_loop()
            asked: list[tuple[str, str]] = []

            @given(texts, st.sampled_from(["open", "open", "closed", "\x00"]))
            @examples(100)
            def collect(target: str, module: str) -> None:
                if not any(0xD800 <= ord(char) < 0xE000 for char in target):
                    asked.append((target, module))

            await loop.run_in_executor(None, collect)
            for target, module in asked:
                answer = await exporter.ask(str(URL("/probe").with_query(target=target, module=module)))
                if answer.status == 200:  # a name, and nobody knows it here
                    assert answer.sample("smtp_probe_failure", phase="dns") == 1, target
                    continue
                assert answer.status in {400, 403}, (target, answer.status)
                assert answer.text.rstrip("\n").isprintable()

    run(scenario())
