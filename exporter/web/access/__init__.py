"""Who may read the pages: `--web.config.file`, in the format of Prometheus' exporter-toolkit.

`load_access` reads and checks a file; `Gate` keeps to it, request by request.
"""

from exporter.web.access.gate import Gate
from exporter.web.access.load import load_access
from exporter.web.access.values import Access, ClientAuth, Encryption, RateLimit

__all__ = ["Access", "ClientAuth", "Encryption", "Gate", "RateLimit", "load_access"]
