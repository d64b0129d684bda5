"""Rows: the one database, SQLite in WAL mode, behind `ports.Metadata`."""
