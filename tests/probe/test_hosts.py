from __future__ import annotations

import os
import socket

import pytest

from exporter.probe.hosts import HostsFile

ANY, IP4, IP6 = socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6


def found(hosts: HostsFile, name: str, family: socket.AddressFamily = ANY) -> list[str]:
    """The addresses of `name`, as text."""
    return [str(address) for address in hosts.find(name, 25, family)]


def test_reads_names_and_aliases_of_both_families(tmp_path):
    """Every name of a line has its address; comments, case and a trailing dot do not matter."""
    path = tmp_path / "hosts"
    path.write_text(
        "# 192.0.2.9 mail.test\n"
        "\n"
        "127.0.0.7\tMail.Test mail  # the relay\n"
        "   ::1 mail.test.\n"
        "127.0.0.8 mail.test\n"
        "not-an-address mail.test\n"
        "fe80::1%no-such-interface mail.test\n"
        "127.0.0.9\n"
    )
    hosts = HostsFile(str(path))
    assert found(hosts, "MAIL.test.") == ["[::1]:25", "127.0.0.7:25", "127.0.0.8:25"]
    assert found(hosts, "mail.test", IP4) == ["127.0.0.7:25", "127.0.0.8:25"]
    assert found(hosts, "mail.test", IP6) == ["[::1]:25"]
    assert found(hosts, "mail") == ["127.0.0.7:25"]
    assert found(hosts, "mail", IP6) == []
    assert found(hosts, "other.test") == []


def test_address_without_a_route_comes_last(tmp_path):
    """An IPv6 address that this host cannot reach stands behind an IPv4 address that it can."""
    path = tmp_path / "hosts"
    # A link-local address without an interface has a route nowhere.
    path.write_text("fe80::1 mail.test\n127.0.0.7 mail.test\n")
    assert found(HostsFile(str(path)), "mail.test") == ["127.0.0.7:25", "[fe80::1]:25"]


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "smtp.localhost"])
def test_localhost_needs_no_file(tmp_path, name):
    """`localhost` and the names below it are the loopback addresses (RFC 6761 6.3)."""
    hosts = HostsFile(str(tmp_path / "missing"))
    assert found(hosts, name) == ["[::1]:25", "127.0.0.1:25"]
    assert found(hosts, name, IP4) == ["127.0.0.1:25"]
    assert found(hosts, "notlocalhost") == []


def test_file_decides_about_localhost(tmp_path):
    """Where the file gives `localhost` an address of the wanted family, that one counts."""
    path = tmp_path / "hosts"
    path.write_text("127.0.0.5 localhost\n")
    hosts = HostsFile(str(path))
    assert found(hosts, "localhost") == ["127.0.0.5:25"]
    assert found(hosts, "localhost", IP6) == ["[::1]:25"]


def test_change_is_seen_at_once(tmp_path):
    """The next look-up sees a file that was written, replaced by an older one, removed or restored."""
    path, other = tmp_path / "hosts", tmp_path / "other"
    hosts = HostsFile(str(path))
    assert found(hosts, "mail.test") == []
    path.write_text("127.0.0.1 mail.test\n")
    assert found(hosts, "mail.test") == ["127.0.0.1:25"]
    other.write_text("127.0.0.2 mail.test\n")
    os.utime(other, (1, 1))
    other.replace(path)
    assert found(hosts, "mail.test") == ["127.0.0.2:25"]
    path.unlink()
    assert found(hosts, "mail.test") == []
    path.write_bytes(b"127.0.0.3 m\xfcll mail.test\n")
    assert found(hosts, "mail.test") == ["127.0.0.3:25"]


def test_unchanged_file_is_read_once(tmp_path, monkeypatch):
    """Look-ups cost no reading while the file stays as it is."""
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 mail.test\n")
    hosts = HostsFile(str(path))
    hosts.find("mail.test", 25, ANY)
    hosts._entries["mail.test"].clear()
    assert found(hosts, "mail.test") == []
