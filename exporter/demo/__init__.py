"""SMTP servers of our own on loopback, healthy and broken, to be probed for real."""

from exporter.demo.configuration import configuration
from exporter.demo.fleet import DemoServers
from exporter.demo.scratch import NoFolderError

__all__ = ["DemoServers", "NoFolderError", "configuration"]
