"""Verdicts where OpenSSL follows a policy of the system, as on Fedora and RHEL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from exporter.model import OurFault, TlsConfig
from exporter.probe.contexts import verify_context
from exporter.probe.tls import ReplayError, verify_chain

ROOT = Path(__file__).parents[2]
_PACKAGES = next(path for path in sys.path if path.endswith("site-packages"))
_SYSTEM = Path("/usr/bin") / f"python{sys.version_info[0]}.{sys.version_info[1]}"
# Debian's Python takes its ciphers from OpenSSL's configuration, and ours brings its own: where both are
# here, and of one version, both have to cope.
INTERPRETERS = [sys.executable, *([str(_SYSTEM)] if _SYSTEM.exists() else [])]
POLICIES = {
    "no AES-128": "CipherString = ECDHE+AES256:ECDHE+CHACHA20:@SECLEVEL=2\nMinProtocol = TLSv1.2",
    "TLS 1.3 alone": "MinProtocol = TLSv1.3",
    "old versions alone": "MinProtocol = TLSv1\nMaxProtocol = TLSv1.2",
    "careless": "CipherString = ALL:@SECLEVEL=0",
    "legacy": "CipherString = DEFAULT:@SECLEVEL=1",
    "future": "CipherString = kEECDH+AESGCM:@SECLEVEL=3\nMinProtocol = TLSv1.2\nGroups = X25519:P-256:P-384",
    "no AES at all": "CipherString = ECDHE+CHACHA20",
}


@pytest.mark.parametrize(("interpreter", "policy"), list(product(INTERPRETERS, POLICIES)))
def test_verdicts_are_those_of_python_under_every_policy(
    interpreter: str, policy: str, tmp_path: Path
) -> None:
    """Ciphers and versions change no verdict; the level of security counts for keys as it does for Python."""
    file = tmp_path / "openssl.cnf"
    file.write_text(
        f"openssl_conf = d\n[d]\nssl_conf = s\n[s]\nsystem_default = x\n[x]\n{POLICIES[policy]}\n"
    )
    environment = os.environ | {"OPENSSL_CONF": str(file), "PYTHONPATH": f"{ROOT}:{_PACKAGES}"}
    said = subprocess.run(
        [interpreter, "-m", "tests.probe.policies"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    outcomes = json.loads(said.stdout)
    assert [ours for ours, _ in outcomes] == [theirs for _, theirs in outcomes]


def test_a_replay_that_does_not_begin_is_no_verdict() -> None:
    """A context that cannot ask OpenSSL says so as a fault of ours; the server is not blamed."""
    context = verify_context(TlsConfig())
    context.set_ciphers("ECDHE+CHACHA20")
    with pytest.raises(ReplayError) as caught:
        verify_chain(context, (b"rubbish",), "a.test")
    assert caught.value.evidence == OurFault("ReplayError")
