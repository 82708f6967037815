"""The words: every value that passes between two rooms of the program.

All of them are frozen, compare by value and hold tuples, never lists.  A failing target is a value
(`Evidence`, `Symptom`, `Diagnosis`), never an exception that travels.  This package imports nothing
but the standard library.
"""

from __future__ import annotations

from exporter.model.endpoint import Auth, Endpoint, Message, OAuth2, Secret, TlsConfig
from exporter.model.evidence import (
    Attempt,
    AttemptOutcome,
    ConnectFailure,
    DropKind,
    Dropped,
    Evidence,
    Garbled,
    Injected,
    NameFailure,
    NameFailureKind,
    NotOffered,
    OurFault,
    Reply,
    SaslBreach,
    TimedOut,
    TlsFailure,
    TokenUnavailable,
    Words,
    errno_symbol,
)
from exporter.model.result import Capabilities, ProbeResult, Step, StepStatus, Symptom, TlsFacts
from exporter.model.verdict import HEALTHY, Diagnosis, FollowUp, Observation
from exporter.model.words import (
    ClosedSet,
    Confidence,
    ErrorClass,
    FaultDomain,
    IpProtocol,
    Mechanism,
    Phase,
    TlsMode,
    TlsVersion,
)

__all__ = [
    "HEALTHY",
    "Attempt",
    "AttemptOutcome",
    "Auth",
    "Capabilities",
    "ClosedSet",
    "Confidence",
    "ConnectFailure",
    "Diagnosis",
    "DropKind",
    "Dropped",
    "Endpoint",
    "ErrorClass",
    "Evidence",
    "FaultDomain",
    "FollowUp",
    "Garbled",
    "Injected",
    "IpProtocol",
    "Mechanism",
    "Message",
    "NameFailure",
    "NameFailureKind",
    "NotOffered",
    "OAuth2",
    "Observation",
    "OurFault",
    "Phase",
    "ProbeResult",
    "Reply",
    "SaslBreach",
    "Secret",
    "Step",
    "StepStatus",
    "Symptom",
    "TimedOut",
    "TlsConfig",
    "TlsFacts",
    "TlsFailure",
    "TlsMode",
    "TlsVersion",
    "TokenUnavailable",
    "Words",
    "errno_symbol",
]
