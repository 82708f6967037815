"""Every goal in one table.

    python -m benchmarks [--smoke] [--only cost,truth]

Each benchmark runs in a process of its own, one after the other.  Exits with 1 when a goal is not met, not even at
the speed of the machine on which the goals were set, with 2 when a benchmark failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.figures import conclusion, load, saved, table

GOALS = ("cost", "truth", "scrape", "scale", "reload", "series", "start", "resolver", "probe_endpoint")


def main() -> int:
    """Run what was asked for, and print the table of what it found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--smoke", action="store_true", help="briefly, for correctness: judges and keeps nothing"
    )
    parser.add_argument("--only", default=",".join(GOALS), help="names, joined by commas")
    options = parser.parse_args()
    goals = options.only.split(",")
    if unknown := set(goals) - set(GOALS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(GOALS)}")
    broken = []
    for goal in goals:
        print(f"\n{goal}", flush=True)
        more = ("--smoke",) if options.smoke else ()
        if not options.smoke:
            saved(goal).unlink(missing_ok=True)
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{goal}", *more], check=False).returncode
        if code != 0 if options.smoke else not saved(goal).exists():
            broken.append(goal)
    if broken:
        print(f"\nfailed: {', '.join(broken)}")
        return 2
    if options.smoke:
        return 0
    results = [load(saved(goal))[0] for goal in goals]
    print(f"\n{table(results)}\n")
    print(conclusion(results))
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
