"""`validate`: say everything that is wrong with a configuration file, or how much it holds."""

from __future__ import annotations

import sys
from pathlib import Path

from exporter.diagnosis import RuleError, load_rules
from exporter.settings import ConfigError, load


def run(config: Path) -> int:
    """Return 0 when `serve` would take the file, else 2 with every problem on standard error."""
    try:
        settings = load(config)
        load_rules(settings.rules_files)
    except (ConfigError, RuleError) as error:
        print(error, file=sys.stderr)
        return 2
    count = len(settings.endpoints)
    print(f"{config}: valid, {count} endpoint{'' if count == 1 else 's'}")
    return 0
