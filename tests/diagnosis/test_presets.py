"""Known providers: whose host a name is, and which settings are right."""

from __future__ import annotations

import pytest

from exporter.diagnosis import preset_for, provider_of, settings_advice
from exporter.diagnosis.presets import presets
from exporter.model import TlsMode


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.gmail.com", "Gmail"),
        ("SMTP.Gmail.com.", "Gmail"),
        ("email-smtp.eu-west-1.amazonaws.com", "Amazon SES"),
        ("smtp.zoho.eu", "Zoho"),
        ("smtp.zoho.com.au", "Zoho"),
        ("smtp.yandex.com.tr", "Yandex"),
        ("w0123456.kasserver.com", "ALL-INKL"),
        ("smtp.gmail.com.example.org", None),
        ("gmail.com", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_a_submission_host_belongs_to_its_provider(host, name):
    """Hosts are known by name or by regional pattern, never by a part of another name."""
    found = preset_for(host)
    assert (found.name if found else None) == name


def test_other_names_of_a_provider_are_known_as_its_own():
    """A host in a provider's domain is the provider's, though not its submission host."""
    found = provider_of("gmail-smtp-in.l.google.com")
    assert found is not None
    assert found.name == "Gmail"
    assert provider_of("notgoogle.com") is None


@pytest.mark.parametrize(
    ("host", "port", "mode", "advice"),
    [
        (
            "smtp.gmail.com",
            587,
            TlsMode.IMPLICIT,
            "smtp.gmail.com with implicit TLS on 587: use 465 with implicit TLS, or 587 with STARTTLS",
        ),
        ("smtp.office365.com", 25, None, "smtp.office365.com on 25: use 587 with STARTTLS"),
        ("smtp.gmail.com", 587, TlsMode.STARTTLS, None),
        ("smtp.gmail.com", 587, None, None),
        ("smtp.gmail.com", None, TlsMode.STARTTLS, None),
        ("mail.example.com", 587, TlsMode.IMPLICIT, None),
        (
            "smtp.outlook.com",
            587,
            TlsMode.STARTTLS,
            "Outlook.com takes submissions at smtp-mail.outlook.com: use 587 with STARTTLS",
        ),
        (
            "smtp.gmail.com",
            25,
            TlsMode.NONE,
            "smtp.gmail.com with no encryption on 25: use 465 with implicit TLS, or 587 with STARTTLS",
        ),
    ],
)
def test_advice_names_what_the_provider_documents(host, port, mode, advice):
    """There is advice where our settings are not among the provider's, and none where they are."""
    assert settings_advice(host, port, mode) == advice


def test_every_preset_is_complete():
    """Hosts, settings, mechanisms, a secret and a source are known for each."""
    names = [preset.name for preset in presets()]
    assert len(names) == len(set(names))
    for preset in presets():
        assert preset.hosts
        assert preset.settings
        assert preset.mechanisms
        assert preset.secret.endswith(".")
        assert preset.source
        assert all(mode is not TlsMode.NONE and 0 < port < 65536 for port, mode in preset.settings)
        assert preset_for(preset.hosts[0].replace("*", "x")) is not None
