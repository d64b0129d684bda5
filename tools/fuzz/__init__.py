"""Inputs nobody thought of, for everything that reads what clients, servers and operators write."""
