"""What docs/wire.md shows is what passes between client and registry now."""
