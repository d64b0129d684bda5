"""The command line: verbs about a registry, over HTTP only."""
