"""What people and machines reach over HTTP: metrics, health, the status page and its JSON."""

from exporter.web.app import create_app
from exporter.web.listen import ListenError
from exporter.web.server import WebServer

__all__ = ["ListenError", "WebServer", "create_app"]
