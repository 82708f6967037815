"""Who may read the pages: `--web.config.file`, in the format of Prometheus' exporter-toolkit.

`load.load_access` reads and checks a file, and is imported where there is one; `Gate` keeps to it, request by request.
"""

from exporter.web.access.gate import Gate
from exporter.web.access.values import Access, ClientAuth, Encryption, RateLimit

__all__ = ["Access", "ClientAuth", "Encryption", "Gate", "RateLimit"]
