"""`python -m exporter.settings schema` prints the JSON Schema of a configuration file."""

from __future__ import annotations

import json
import sys

from exporter.settings.schema import json_schema


def main(arguments: list[str]) -> int:
    """Exit code 0, or 2 for anything but `schema`."""
    if arguments != ["schema"]:
        sys.stderr.write(
            "usage: python -m exporter.settings schema > config/submission-exporter.schema.json\n"
        )
        return 2
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
