"""`validate`: say everything that is wrong with a configuration file, or how much it holds."""

from __future__ import annotations

import sys
from pathlib import Path

from exporter.configuration import UnusableError, read
from exporter.settings import ConfigError
from exporter.sharding import Shard


def run(config: Path, web_config: Path | None = None) -> int:
    """Return 0 when `serve` would take the files, else 2 with every problem on standard error."""
    problems: list[str] = []
    count = 0
    try:
        count = len(read(config, Shard()).settings.endpoints)
    except UnusableError as error:
        problems += error.problems
    if web_config is not None:
        from exporter.web.access.load import load_access  # noqa: PLC0415 - most configurations do without

        try:
            load_access(web_config)
        except ConfigError as error:
            problems += map(str, error.problems)
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 2
    print(f"{config}: valid, {count} endpoint{'' if count == 1 else 's'}")
    return 0
