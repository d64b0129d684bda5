"""A process that dies between any two durable operations."""
