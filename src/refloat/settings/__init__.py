"""What the registry is told: distribution's `config.yml`, `REGISTRY_*` variables, our own section."""

from refloat.settings.load import Flags, load
from refloat.settings.values import Loaded, Notice, Refusal, Settings, SettingsRefused

__all__ = ["Flags", "Loaded", "Notice", "Refusal", "Settings", "SettingsRefused", "load"]
