"""Units of Grafana that a panel here may use; the renderer and the type check know no unit by name."""

UNITS = frozenset(
    (
        *("none", "string", "short", "percent", "percentunit"),
        *("bytes", "decbytes", "Bps", "binBps"),
        *("dateTimeAsIso", "dateTimeAsSystem", "dateTimeFromNow"),
        *("ns", "µs", "ms", "s", "m", "h", "d", "dtdurationms", "dtdurations", "dthms", "dtdhms"),
        *("cps", "ops", "reqps", "rps", "cpm", "opm"),
        *("bool", "bool_yes_no", "bool_on_off"),
    )
)
