"""One failure, one experiment: cheap extra connections that tell two causes apart."""

from exporter.followup.examine import FollowUps

__all__ = ["FollowUps"]
