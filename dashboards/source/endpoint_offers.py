"""What the server of one endpoint offers: encryption, certificate, login mechanisms, extensions."""

from __future__ import annotations

from dashboards.source.panel import Override, Query
from dashboards.source.promql import ONE, life_left
from dashboards.source.shared import COLORED_TEXT, LIFE, width
from dashboards.source.visuals import gauges, table
from dashboards.source.words import ENDED, GREY, OFFERED, Json, Word, missing


def _matrix(rows: str) -> tuple[Json, ...]:
    """Return the transformation that makes a row of each value of a label, and columns before and after TLS."""
    options: Json = {"columnField": "tls", "rowField": rows, "valueField": "Value", "emptyValue": "null"}
    return ({"id": "groupingToMatrix", "options": options},)


OFFERS = (
    table(
        "Encryption and certificate",
        "What the last handshake agreed on, and the certificate that was presented, valid or not. All four "
        "names read `varies` while the certificate keeps changing.",
        Query(expr=f"max by (instance, version, cipher) ({ONE('smtp_probe_tls_info')})", table=True),
        Query(
            expr=f"max by (instance, subject, issuer, serial, fingerprint_sha256) "
            f"({ONE('smtp_probe_certificate_info')})",
            table=True,
        ),
        columns={
            "version": "Version",
            "cipher": "Cipher",
            "subject": "Subject",
            "issuer": "Issuer",
            "serial": "Serial number",
            "fingerprint_sha256": "SHA-256",
            "instance": "Seen by",
        },
        hidden=("Value #A", "Value #B"),
        width=24,
        height=4,
        no_value="",
        overrides=(
            Override(field="Version", properties=(width(90),)),
            Override(field="Cipher", properties=(width(240),)),
            Override(field="Seen by", properties=(width(170),)),
        ),
    ),
    gauges(
        "Life of the certificate",
        "Share of its life that is left, of the server's certificate and of the one in the chain that ends "
        "first. Below a quarter a renewal is overdue, however long the life is.",
        Query(expr=f"min({life_left(ONE, 'leaf')})", legend="server's own", now=True),
        Query(expr=f"min({life_left(ONE)})", legend="first of the chain to end", now=True),
        width=8,
        height=10,
        unit="percentunit",
        decimals=0,
        high=1,
        no_value="none seen",
        mappings=(ENDED,),
        steps=LIFE,
    ),
    table(
        "Login mechanisms",
        "What EHLO offered before and after encryption. PLAIN or LOGIN before encryption invites clients to "
        "send passwords in the clear.",
        Query(expr=f"max by (mechanism, tls) ({ONE('smtp_probe_auth_mechanism')})", table=True),
        columns={"mechanism\\tls": "Mechanism", "before": "Before encryption", "after": "After encryption"},
        before=_matrix("mechanism"),
        width=8,
        height=10,
        no_value="",
        overrides=(
            Override(
                field="/encryption/",
                properties=(
                    ("mappings", [OFFERED, missing(Word("no", GREY))]),
                    COLORED_TEXT,
                ),
            ),
        ),
    ),
    table(
        "Extensions",
        "What else EHLO offered before and after encryption.",
        Query(expr=f"max by (capability, tls) ({ONE('smtp_probe_capability')})", table=True),
        columns={"capability\\tls": "Extension", "before": "Before encryption", "after": "After encryption"},
        before=_matrix("capability"),
        width=8,
        height=10,
        no_value="",
        overrides=(
            Override(
                field="/encryption/",
                properties=(
                    ("mappings", [OFFERED, missing(Word("not asked about", GREY))]),
                    COLORED_TEXT,
                ),
            ),
        ),
    ),
)
