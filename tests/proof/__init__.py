"""The proofs' own book-keeping."""
