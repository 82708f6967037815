"""The command line.  Exit codes: 0 all healthy, 1 something failed, 2 usage or configuration.

Heavy rooms are imported where a command needs them: `classify` must not pay for an HTTP server.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exporter import __version__, output, startup

DEFAULT_LISTEN = ":10587"
UNTIL = ("connect", "greeting", "tls", "ehlo", "auth", "mail", "rcpt", "data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    output.prepare()
    startup.begin()
    try:
        try:
            options = _parser().parse_args(arguments)
            return int(options.command(options))
        finally:
            startup.over()
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except output.LostError as lost:
        output.abandon()
        if str(lost):
            sys.stderr.write(f"submission-exporter: cannot write the output: {lost}\n")
        return 1


class _Parser(argparse.ArgumentParser):
    """One that takes no beginning of an option for the option, in sub-commands too."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, allow_abbrev=False)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="submission-exporter",
        description="Watches mail submission as a mail client sees it: what fails, why, whose problem "
        "it is and what to do.",
    )
    parser.add_argument("--version", action="version", version=f"submission-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="probe the endpoints of a file and serve the metrics")
    _config_file(serve, required=True)
    _web(serve)
    serve.add_argument(
        "--web.config.file",
        dest="web_config",
        metavar="F",
        type=Path,
        help="TLS, logins and headers of the page, in the format of Prometheus' exporter-toolkit",
    )
    _logging(serve)
    serve.add_argument(
        "--config.auto-reload-interval",
        dest="reload_interval",
        metavar="T",
        default="5s",
        help="how often to look whether the configuration's files have changed; 0 is never (default %(default)s)",
    )
    serve.add_argument(
        "--config.check",
        dest="check",
        action="store_true",
        help="check the configuration and exit",
    )
    serve.add_argument(
        "--shard.index",
        dest="shard_index",
        metavar="I",
        help="which share of the endpoints to probe, from 0; or a pod's name that ends in it: exporter-2",
    )
    serve.add_argument(
        "--shard.count",
        dest="shard_count",
        metavar="N",
        help="how many exporters with this configuration share its endpoints",
    )
    serve.set_defaults(command=_serve)

    check = commands.add_parser("check", help="probe once, now, and say what is wrong")
    check.add_argument(
        "what",
        nargs="*",
        metavar="NAME | HOST[:PORT]",
        help="endpoints of the file, or servers; without any, every endpoint of the file",
    )
    _config_file(check, required=False)
    check.add_argument("--tls", choices=("starttls", "implicit", "none"), help="how to encrypt")
    check.add_argument("--until", choices=UNTIL, help="how deep to go")
    check.add_argument("--username", metavar="U", help="log in as U; the password is asked for")
    check.add_argument("--password-file", metavar="F", type=Path, help="take the password from F")
    check.add_argument("--timeout", metavar="T", help="the deadline of one probe, e.g. 10s")
    check.add_argument("--ca-file", metavar="F", help="trust the certificates in F")
    check.add_argument(
        "--output", choices=("text", "json"), default="text", help="json: one list of objects, at the end"
    )
    check.set_defaults(command=_check)

    classify = commands.add_parser("classify", help="explain a pasted error message")
    classify.add_argument(
        "text", nargs="*", metavar="TEXT | -", help="the message; `-` or nothing reads standard input"
    )
    classify.add_argument("--phase", metavar="P", help="the phase it happened in, when known")
    classify.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="json: one JSON object a line in, one out",
    )
    classify.set_defaults(command=_classify)

    validate = commands.add_parser("validate", help="check a configuration file")
    _config_file(validate, required=True)
    validate.set_defaults(command=_validate)

    health = commands.add_parser("healthcheck", help="ask a running exporter whether it is alive")
    health.add_argument(
        "--web.listen-address", dest="listen", metavar="A", default=DEFAULT_LISTEN, help="where it listens"
    )
    health.add_argument(
        "--web.config.file", dest="web_config", metavar="F", type=Path, help="the exporter's own, for its TLS"
    )
    health.set_defaults(command=_healthcheck)

    demo = commands.add_parser("demo", help="watch SMTP servers of our own, healthy and broken")
    _web(demo)
    _logging(demo)
    demo.set_defaults(command=_demo)
    return parser


def _config_file(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--config.file", dest="config", metavar="F", type=Path, required=required, help="the configuration"
    )


def _web(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.listen-address",
        dest="listen",
        metavar="A",
        default=DEFAULT_LISTEN,
        help="host:port to serve on; :port is every address (default %(default)s)",
    )


def _logging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="the least urgent lines to write",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=("logfmt", "json"),
        default="logfmt",
        help="how the lines on standard error are written",
    )


def _serve(options: argparse.Namespace) -> int:
    startup.stoppable()
    from exporter.sharding import Shard

    try:
        shard = Shard.parse(options.shard_index, options.shard_count)
    except ValueError as error:
        sys.stderr.write(f"submission-exporter serve: {error}\n")
        return 2
    if options.check:
        from exporter.commands import validate

        return validate.run(options.config, options.web_config)
    from exporter.commands import serve

    return serve.run(options, shard)


def _demo(options: argparse.Namespace) -> int:
    startup.stoppable()
    from exporter.commands import demo

    return demo.run(options.listen, options.log_level, options.log_format)


def _check(options: argparse.Namespace) -> int:
    from exporter.commands import check

    return check.run(options)


def _classify(options: argparse.Namespace) -> int:
    from exporter.commands import classify

    return classify.run(options.text, phase=options.phase, output=options.output)


def _validate(options: argparse.Namespace) -> int:
    from exporter.commands import validate

    return validate.run(options.config)


def _healthcheck(options: argparse.Namespace) -> int:
    from exporter.commands import healthcheck

    return healthcheck.run(options.listen, options.web_config)


if __name__ == "__main__":
    sys.exit(main())
