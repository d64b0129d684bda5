"""The trash that travels: undo for registries that stay what they are, tried on real ones."""
