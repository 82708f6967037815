"""The image of the Dockerfile, really built, on a base that is put together from Debian's packages.

No image registry is asked.  The base stands for the official Python image: the same Debian release, with
Debian's own Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import require

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "image"
BASE = "localhost/base:bookworm"
IMAGE = "localhost/submission-exporter:test"
ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: its file system, mounted, and its configuration as a container runtime reads it."""

    root: Path
    config: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a container starts with."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])


@contextlib.contextmanager
def built_image() -> Iterator[Image]:
    """Build it; everything but the base is gone after the block."""
    require("the image builder", "/usr/bin/buildah", "/usr/bin/mmdebstrap", "/usr/bin/bwrap")
    storage = CACHE / f"storage-{os.getpid()}"
    buildah = Buildah(storage)
    try:
        buildah.run("build", "--tag", BASE, "--file", "-", str(_base_folder()), text=_base_file())
        buildah.run("build", "--tag", IMAGE, "--build-arg", f"BASE={BASE}", str(ROOT))
        inspected = json.loads(buildah.run("inspect", "--type", "image", IMAGE))
        container = buildah.run("from", "--pull-never", IMAGE).strip()
        root = Path(buildah.run("mount", container).strip())
        try:
            yield Image(root, inspected["Docker"]["config"])
        finally:
            buildah.run("umount", container)
    finally:
        shutil.rmtree(storage, ignore_errors=True)


class Buildah:
    """`buildah` with a storage of its own, so that nothing of the machine's is touched."""

    def __init__(self, storage: Path) -> None:
        self._options = (
            "--storage-driver=vfs",
            f"--root={storage / 'root'}",
            f"--runroot={storage / 'run'}",
        )

    def run(self, command: str, *arguments: str, text: str | None = None) -> str:
        """Run one command and return what it prints; its messages are in the error when it fails."""
        building = ("--isolation=chroot", "--pull=never", "--format=docker") if command == "build" else ()
        return checked(["buildah", *self._options, command, *building, *arguments], text)


def checked(command: Sequence[str], text: str | None = None) -> str:
    """What a command prints; AssertionError with its messages when it fails."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def _base_folder() -> Path:
    """The folder with Debian's file system as a tar file, made once."""
    folder = CACHE / "base"
    if not (folder / "rootfs.tar").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packages = "--include=python3,python3-venv,ca-certificates"
        # What nobody reads in a container is copied at every step all the same.
        lean = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man", "i18n")]
        tar = folder / f"rootfs-{os.getpid()}.tar"
        checked(["mmdebstrap", "--variant=minbase", packages, *lean, "bookworm", str(tar)])
        tar.rename(folder / "rootfs.tar")
    # A machine behind an inspecting proxy trusts an authority of its own; so has the builder to.
    shutil.copy(ROOTS, folder / "roots.pem")
    return folder


def _base_file() -> str:
    return (
        "FROM scratch\n"
        "ADD rootfs.tar /\n"
        f"COPY roots.pem {ROOTS}\n"
        f"ENV SSL_CERT_FILE={ROOTS} PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    )
