"""Purge: end bytes for good, through every window. Four steps, each in a module of its own.

`naming`: what was named, by every digest of its bytes. `deciding`: one transaction blocks it, takes every reference,
condemns; a plan is the same, given back. `finishing`: what lies about is found, backups are replaced, bytes are
removed, the log is cut. `reconciling`: a database put back from a copy is purged again.
"""

from refloat.usecases.purge.deciding import Part, PurgeRequest, Scope, Whole, plan, purge
from refloat.usecases.purge.finishing import finish, keep_notes
from refloat.usecases.purge.naming import find, names_of
from refloat.usecases.purge.reconciling import is_reconciled, reconcile

__all__ = [
    "Part", "PurgeRequest", "Scope", "Whole", "find", "finish", "is_reconciled", "keep_notes", "names_of", "plan",
    "purge", "reconcile",
]  # fmt: skip
