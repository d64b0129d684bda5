"""refloat: a container registry where delete has an undo."""

__version__ = "0.1.0"
