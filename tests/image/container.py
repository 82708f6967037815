"""A container as Kubernetes makes it from the chart: user 65532, a root that is read-only, no capabilities.

Bubblewrap has no runtime's idea of an image; what the image says about itself is read from its configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.image.building import Image, checked

PATIENCE = 30.0
USER = 65532
SCRAPE = "import urllib.request as r,sys;sys.stdout.write(r.urlopen(sys.argv[1],timeout=5).read().decode())"


class Container:
    """The first process of a container that has a network of its own, with loopback alone."""

    def __init__(self, image: Image, process: subprocess.Popen[bytes], pid: int, log: Path) -> None:
        self.image = image
        self.pid = pid
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    def status(self, key: str) -> str:
        """A line of its process status, such as CapEff."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(line for line in lines if line.startswith(f"{key}:")).partition(":")[2].strip()

    @property
    def root_options(self) -> list[str]:
        """The options with which its root is mounted; `ro` comes first when it is read-only."""
        mounts = Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        return next(line.split()[5].split(",") for line in mounts if line.split()[4] == "/")

    def execute(self, command: Sequence[str], mounts: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command beside it: same image, user and network."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--net", *_sandbox(self.image, mounts, network=()), *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def get(self, path: str) -> str:
        """A page of the exporter, asked for from inside the container's network."""
        done = self.execute(["python3", "-c", SCRAPE, f"http://127.0.0.1:10587{path}"])
        return done.stdout if done.returncode == 0 else ""

    def wait_for(self, path: str, word: str) -> str:
        """Wait until a page holds a word, and return the page."""
        deadline = time.monotonic() + PATIENCE
        while word not in (page := self.get(path)):
            assert self._process.poll() is None, f"it ended:\n{self.log}"
            assert time.monotonic() < deadline, f"{word!r} is not in {path}:\n{page}\n{self.log}"
        return page

    def wait_until_it_handles(self, number: int) -> None:
        """Wait until it has asked for a signal: the first process of a container gets no other."""
        deadline = time.monotonic() + PATIENCE
        while not int(self.status("SigCgt"), 16) >> number - 1 & 1:
            assert self._process.poll() is None, f"it ended:\n{self.log}"
            assert time.monotonic() < deadline, f"signal {number} is not handled"

    def stop(self) -> tuple[int, float]:
        """Send the image's stop signal; its exit code, and the seconds it took."""
        began = time.monotonic()
        os.kill(self.pid, signal.Signals[self.image.config["StopSignal"]])
        return self._process.wait(PATIENCE), time.monotonic() - began


@contextlib.contextmanager
def running(
    image: Image, folder: Path, command: Sequence[str], mounts: Sequence[str] = ()
) -> Iterator[Container]:
    """A container of the image with this command, ended after the block.

    `mounts` are more options of bubblewrap, e.g. a tmpfs.
    """
    log = folder / "container.log"
    told, tell = os.pipe()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_sandbox(image, ["--info-fd", str(tell), *mounts]), *image.config["Entrypoint"], *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(tell,),
        )
    os.close(tell)
    with os.fdopen(told) as stream:
        text = stream.read()
    try:
        assert text, log.read_text()
        yield Container(image, process, json.loads(text)["child-pid"], log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _sandbox(image: Image, options: Sequence[str], network: Sequence[str] = ("--unshare-net",)) -> list[str]:
    user, group = image.config["User"].split(":")
    variables = [part for name, value in image.environment.items() for part in ("--setenv", name, value)]
    return [
        "bwrap",
        *("--ro-bind", str(image.root), "/", "--proc", "/proc", "--dev", "/dev"),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", *network, "--as-pid-1", "--die-with-parent"),
        *("--clearenv", *variables, "--chdir", image.config["WorkingDir"]),
        # Only to become the user; setpriv gives them up for good.
        *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
        *("--cap-add", "CAP_SETPCAP", *options),
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
        *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--"),
    ]


def mount_points(image: Image, *names: str) -> None:
    """Make folders of the image on which volumes are mounted, as a container runtime does."""
    for name in names:
        checked(["mkdir", "-p", str(image.root / name.lstrip("/"))])
