"""Delete and restore as an observer of the network sees them: `make wire` captures both and writes docs/wire.md."""
