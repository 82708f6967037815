"""*TLS and certificates*: what ends when, what does not verify, and what is offered without encryption."""

from __future__ import annotations

from dashboards.source.dashboard import Dashboard, Row
from dashboards.source.panel import Override, Query, thresholds
from dashboards.source.promql import MANY, OF_AN_ENDPOINT, life_left, seconds_left
from dashboards.source.shared import (
    COLORED_CELL,
    COLORED_TEXT,
    DAYS_COLUMN,
    LIFE,
    NONE_IS_GOOD,
    SERIES,
    endpoint_column,
    to_cause,
    to_endpoint,
    to_runbook,
    width,
)
from dashboards.source.variables import (
    DATASOURCE,
    ENDPOINT_METRIC,
    EXPORTER_URL,
    FILTERS,
    endpoint,
    instance,
    job,
)
from dashboards.source.visuals import gauges, lines, stat, table, timeline
from dashboards.source.words import ENDED, GREEN, ORANGE, TLS_VERDICT, VERIFIED, YELLOW

VERDICT = MANY("smtp_probe_tls_verified")
IN_CLEAR = MANY("smtp_probe_capability", capability="AUTH", tls="before")
STARTTLS = (
    f"{MANY('smtp_probe_capability', capability='STARTTLS', tls='before')} "
    f"and on ({OF_AN_ENDPOINT}) {MANY('smtp_probe_endpoint_info', tls='starttls')}"
)

_NUMBERS = (
    stat(
        "Valid",
        "Endpoints whose certificate chain and name were right at the last probe.",
        Query(expr=f"sum({VERDICT} >= 0)", now=True),
        steps=thresholds((None, GREEN)),
    ),
    stat(
        "Not valid",
        "Endpoints whose certificate has ended, is for another name, or is not trusted.",
        Query(expr=f"sum(({VERDICT} >= 0) == bool 0)", now=True),
        steps=NONE_IS_GOOD,
        filled=True,
        links=(to_runbook("MailSubmissionCertificateInvalid"),),
    ),
    stat(
        "Renewal overdue",
        "Endpoints with a certificate that has less than a quarter of its life left, or has ended.",
        Query(expr=f"sum(min by ({OF_AN_ENDPOINT}) ({life_left(MANY)}) < bool 0.25)", now=True),
        steps=NONE_IS_GOOD,
        links=(to_runbook("MailSubmissionCertificateExpiringSoon"),),
    ),
    stat(
        "End within 14 days",
        "Endpoints with a certificate that ends within 14 days, or has ended.",
        Query(expr=f"sum(min by ({OF_AN_ENDPOINT}) ({seconds_left(MANY)}) < bool 14 * 86400)", now=True),
        steps=thresholds((None, GREEN), (1, ORANGE)),
        links=(to_runbook("MailSubmissionCertificateExpiryImminent"),),
    ),
    stat(
        "Login offered in the clear",
        "Endpoints that offer a login before encryption: a client may send its password readable.",
        Query(expr=f"sum({IN_CLEAR})", now=True),
        steps=thresholds((None, GREEN), (1, ORANGE)),
        links=(to_runbook("MailSubmissionAuthOfferedInClear"),),
    ),
    stat(
        "Encryption older than TLS 1.2",
        "Endpoints whose last handshake agreed on TLS 1.1 or older.",
        Query(
            expr=f"""count({MANY("smtp_probe_tls_info", 'version=~"SSLv.*|TLSv1|TLSv1.0|TLSv1.1"')}) or vector(0)""",
            now=True,
        ),
        steps=NONE_IS_GOOD,
        links=(to_runbook("MailSubmissionOldTls"),),
    ),
)

_CERTIFICATES = (
    table(
        "Certificates, the first to end at the top",
        "Every certificate that was presented within the last hour, valid or not. Days and life are those of "
        "the certificate in the chain that ends first.",
        Query(expr=f"min by ({OF_AN_ENDPOINT}) ({seconds_left(MANY)}) / 86400", table=True),
        Query(expr=f"min by ({OF_AN_ENDPOINT}) ({life_left(MANY)})", table=True),
        Query(
            expr=f"1000 * min by ({OF_AN_ENDPOINT}) (last_over_time("
            f"""{MANY("smtp_probe_certificate_not_after_timestamp_seconds", certificate="leaf")}[1h]))""",
            table=True,
        ),
        Query(expr=f"min by ({OF_AN_ENDPOINT}) ({VERDICT} >= 0)", table=True),
        Query(
            expr=f"max by ({OF_AN_ENDPOINT}, subject, issuer) ({MANY('smtp_probe_certificate_info')})",
            table=True,
        ),
        Query(expr=f"max by ({OF_AN_ENDPOINT}, version, cipher) ({MANY('smtp_probe_tls_info')})", table=True),
        columns={
            "smtp_endpoint": "Endpoint",
            "Value #A": "Days left",
            "Value #B": "Life left",
            "Value #C": "Server's certificate ends",
            "Value #D": "Verdict",
            "subject": "Subject",
            "issuer": "Issuer",
            "version": "Version",
            "cipher": "Cipher",
            "instance": "Seen by",
        },
        hidden=("Value #E", "Value #F", "job"),
        width=24,
        height=11,
        no_value="",
        sort=("Days left", False),
        overrides=(
            endpoint_column(),
            DAYS_COLUMN,
            Override(
                field="Life left",
                properties=(
                    ("unit", "percentunit"),
                    ("decimals", 0),
                    ("min", 0),
                    ("max", 1),
                    ("thresholds", LIFE),
                    ("mappings", [ENDED]),
                    ("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
                    width(170),
                ),
            ),
            Override(field="Server's certificate ends", properties=(("unit", "dateTimeAsIso"), width(200))),
            Override(field="Verdict", properties=(("mappings", [VERIFIED]), COLORED_CELL, width(90))),
            Override(field="Version", properties=(COLORED_TEXT, width(90))),
        ),
    ),
)

_ENCRYPTION = (
    gauges(
        "Protocol versions",
        "Endpoints by the version that the last handshake agreed on.",
        Query(expr=f"count by (version) ({MANY('smtp_probe_tls_info')})", legend="{{version}}", now=True),
        decimals=0,
        height=7,
        no_value="no handshake",
    ),
    gauges(
        "Ciphers",
        "Endpoints by the cipher that the last handshake agreed on.",
        Query(expr=f"count by (cipher) ({MANY('smtp_probe_tls_info')})", legend="{{cipher}}", now=True),
        decimals=0,
        height=7,
        no_value="no handshake",
    ),
    lines(
        "Handshakes that failed, by cause",
        "Encryptions a second that failed: not offered, refused, removed on the way, no common version, or a "
        "certificate that is not valid.",
        Query(
            expr=f"sum by (error_class) (rate("
            f"""{MANY("smtp_probe_outcomes_total", 'error_class!="none"', phase="tls")}[$__rate_interval]))""",
            legend="{{error_class}}",
            empty_when="every handshake succeeds",
            scheduled_only=True,
        ),
        height=7,
        unit="ops",
        no_value="none failed",
        low=0,
        stacked=True,
        min_interval="1m",
        links=(to_cause(SERIES),),
    ),
)

_OVER_TIME = (
    timeline(
        "Encryption",
        "Whether each endpoint got its encryption, verification included. A gap: the probe did not get that far.",
        Query(
            expr=f"min by (smtp_endpoint) ({MANY('smtp_probe_tls_success')} >= 0)", legend="{{smtp_endpoint}}"
        ),
        height=9,
        mappings=(TLS_VERDICT,),
        links=(to_endpoint(SERIES),),
    ),
    timeline(
        "STARTTLS offered",
        "Whether each endpoint that is to be encrypted by STARTTLS offers it. When it disappears, someone "
        "removes it on the way or the server lost its certificate.",
        Query(expr=f"max by (smtp_endpoint) ({STARTTLS})", legend="{{smtp_endpoint}}"),
        height=9,
        mappings=(
            {
                "type": "value",
                "options": {
                    "0": {"text": "missing", "color": "red", "index": 0},
                    "1": {"text": "offered", "color": "green", "index": 1},
                },
            },
        ),
        links=(to_runbook("MailSubmissionStarttlsVanished"),),
    ),
    lines(
        "Days until a certificate ends",
        "The first of each chain to end, of the twenty endpoints whose certificates end first; a renewal is a "
        "jump upwards.",
        Query(
            expr=f"bottomk(20, min by (smtp_endpoint) ({seconds_left(MANY)})) / 86400",
            legend="{{smtp_endpoint}}",
        ),
        no_value="none seen",
        decimals=0,
        calcs=("lastNotNull",),
        steps=thresholds((None, "text"), (3, ORANGE), (14, YELLOW)),
    ),
    lines(
        "Duration of the handshake",
        "Half, nineteen of twenty and all endpoints took at most so long.",
        *(
            Query(
                expr=f"""quantile({q}, {MANY("smtp_probe_phase_duration_seconds", phase="tls")} >= 0)""",
                legend=legend,
            )
            for q, legend in ((0.5, "half"), (0.95, "nineteen of twenty"), (1, "slowest"))
        ),
        unit="s",
        low=0,
    ),
)

TLS = Dashboard(
    uid="submission-tls",
    title="Mail submission / TLS and certificates",
    description="Certificates by the time that they have left, what does not verify, and what is offered in the clear.",
    file="tls.json",
    variables=(
        DATASOURCE,
        job(ENDPOINT_METRIC),
        instance(ENDPOINT_METRIC),
        endpoint(many=True),
        EXPORTER_URL,
        FILTERS,
    ),
    rows=(Row("", (*_NUMBERS, *_CERTIFICATES, *_ENCRYPTION)), Row("Over time", _OVER_TIME)),
    shown="now-24h",
)
