"""The proofs: what refloat promises, tried by force, counted and written down."""
