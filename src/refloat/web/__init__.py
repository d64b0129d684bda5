"""The doors on HTTP: the registry's wire under /v2/, and the management API beside it."""
