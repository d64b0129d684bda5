"""Speaking to a registry over HTTP: where it is, who asks, and what came of it."""
