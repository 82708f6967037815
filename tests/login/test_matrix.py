"""Our verdict on a login and that of foreign clients agree, on real servers and in every combination."""

from __future__ import annotations

import time

import pytest

from exporter.model import Mechanism, TlsMode
from tests.login.matrix import matrix
from tests.servers.certificates import Workshop
from tests.servers.exim import Exim
from tests.servers.postfix import Postfix

pytestmark = pytest.mark.servers


def test_every_verdict_agrees(postfix: Postfix, exim: Exim, workshop: Workshop) -> None:
    """Server x encryption x mechanism x (right, wrong) secret: none missing, all agreeing, within a minute."""
    began = time.monotonic()
    rows = matrix(postfix, exim, workshop)
    assert time.monotonic() - began < 60
    assert all(row.agrees for row in rows), "\n" + "\n".join(map(str, rows))
    modes = {TlsMode.STARTTLS, TlsMode.IMPLICIT, TlsMode.NONE}
    tried = {(row.case.server, row.case.tls, row.case.mechanism, row.case.right) for row in rows}
    spoken = [m for m in Mechanism if m is not Mechanism.EXTERNAL]
    assert tried == {
        *(("postfix", tls, name, right) for tls in modes for name in spoken for right in (True, False)),
        *(
            ("exim", tls, name, right)
            for tls in modes
            for name in (Mechanism.PLAIN, Mechanism.LOGIN)
            for right in (True, False)
        ),
        *(("external", TlsMode.IMPLICIT, Mechanism.EXTERNAL, right) for right in (True, False)),
    }
    assert len(rows) == len(tried)
