"""submission-exporter: a Prometheus exporter that watches mail submission."""

__version__ = "0.1.0"
