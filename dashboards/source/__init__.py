"""Where the Grafana dashboards come from: `python -m dashboards.source` writes the JSON beside this folder."""

from dashboards.source.catalogue import DASHBOARDS, FOLDER, text_of

__all__ = ["DASHBOARDS", "FOLDER", "text_of"]
