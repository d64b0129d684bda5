"""Uploads that are large, interrupted, repeated, or served by several processes."""
