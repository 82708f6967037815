"""The configuration: files, variables and command line in, frozen values out.

`load` reads a file and everything that it names; `endpoint_for` makes an endpoint for a target that
stands in no file.  Whatever is wrong comes back as one ConfigError with every problem in it.
"""

from exporter.settings.durations import format_duration, parse_duration
from exporter.settings.endpoints import SHORTEST_DATA_INTERVAL, endpoint_for
from exporter.settings.files import secret_from, trusted_roots
from exporter.settings.load import load
from exporter.settings.problems import ConfigError, Problem, nearest, printable, quoted
from exporter.settings.schema import json_schema
from exporter.settings.target_pattern import TargetPattern
from exporter.settings.targets import parse_target
from exporter.settings.values import BackoffSettings, FollowUpSettings, Module, Settings

__all__ = [
    "SHORTEST_DATA_INTERVAL",
    "BackoffSettings",
    "ConfigError",
    "FollowUpSettings",
    "Module",
    "Problem",
    "Settings",
    "TargetPattern",
    "endpoint_for",
    "format_duration",
    "json_schema",
    "load",
    "nearest",
    "parse_duration",
    "parse_target",
    "printable",
    "quoted",
    "secret_from",
    "trusted_roots",
]
