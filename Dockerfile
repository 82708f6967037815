# syntax=docker/dockerfile:1
# The exporter, its locked dependencies and a Python; nothing else.  Build it from the root of the repository.
# For a release, pin the base by digest: --build-arg BASE=python:3.13-slim-bookworm@sha256:…
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
SHELL ["/bin/sh", "-eu", "-c"]
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CONFIG=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build
# uv comes from a file with hashes, like everything that it installs.
RUN --mount=type=bind,source=lock,target=/build/lock \
    python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r lock/image.txt
ENV PATH=/opt/uv/bin:$PATH
# What is locked, with what builds the package: every file is checked against its hash and stays in uv's cache.
RUN --mount=type=bind,source=lock,target=/build/lock \
    uv venv --quiet /opt/builder \
    && uv pip install --quiet --python /opt/builder --require-hashes -r lock/runtime.txt
COPY LICENSE README.md pyproject.toml ./
COPY exporter exporter
# The package alone decides what goes in; the versions are the locked ones and the files those of the cache.
RUN --mount=type=bind,source=lock,target=/build/lock \
    uv build --quiet --wheel --no-build-isolation --python /opt/builder --out-dir /dist \
    && uv venv --quiet /opt/submission-exporter \
    && grep -o '^[a-z0-9-]*==[^ ]*' lock/runtime.txt >/dist/versions.txt \
    && uv pip install --quiet --offline --python /opt/submission-exporter --constraint /dist/versions.txt /dist/*.whl

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="submission-exporter" \
      org.opencontainers.image.description="Prometheus exporter that watches mail submission and says why sending would fail, whose problem it is and what to do." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="submission-exporter" \
      org.opencontainers.image.authors="submission-exporter" \
      org.opencontainers.image.url="https://github.com/submission-exporter/submission-exporter" \
      org.opencontainers.image.source="https://github.com/submission-exporter/submission-exporter" \
      org.opencontainers.image.documentation="https://github.com/submission-exporter/submission-exporter/tree/main/docs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /opt/submission-exporter /opt/submission-exporter
# Nothing is written while it runs: no bytecode, and whatever is logged goes out at once.
ENV PATH=/opt/submission-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /
# A number: Kubernetes cannot tell of a name whether it is root.
USER 65532:65532
EXPOSE 10587/tcp
STOPSIGNAL SIGTERM
# It finds TLS out by itself.  Another port, or client certificates: give it the options that `serve` has.
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s --retries=3 \
    CMD ["submission-exporter", "healthcheck"]
ENTRYPOINT ["submission-exporter"]
CMD ["serve", "--config.file=/etc/submission-exporter/submission-exporter.yml"]
