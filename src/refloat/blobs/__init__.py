"""Bytes under keys: the store `ports.BlobStore` and `reaping.BlobReaper` promise, on a filesystem."""
