"""What the query planner should believe: a registry with a thousand repositories of a thousand tags.

Left alone, SQLite guesses that a repository has ten of everything and walks all of it where an index
leads to the one row. These are the tables' proportions, not their contents: nobody has to run ANALYZE,
and a registry that is small today is planned for as it will be.
"""

PROPORTIONS = (
    ("repositories", "sqlite_autoindex_repositories_1", "1000 1"),
    ("manifests", "sqlite_autoindex_manifests_1", "1000000 1000 1"),
    ("manifests", "manifests_subject", "100000 100 2"),
    ("changes", "sqlite_autoindex_changes_1", "1000000 1"),
    ("changes", "changes_due", "1000000 2"),
    ("changes", "changes_pruned", "1000000 2"),
    ("changes", "changes_undoes", "10000 1"),
    ("tips", "tips", "2000000 2000 1"),
    ("tips", "tips_digest", "2000000 2000 2"),
    ("tips", "tips_manifest", "1000000 1000 1"),
    ("tips", "tips_tags", "1000000 1000 1"),
    ("moves", "moves", "4000000 4000 1"),
    ("moves", "moves_change", "4000000 4"),
    ("moves", "moves_reference", "4000000 4000 3 1"),
    ("moves", "moves_held", "1000000 1000 2"),
    ("keys", "keys", "1000000 1"),
    ("blobs", "blobs", "1000000 1"),
    ("blobs", "sqlite_autoindex_blobs_2", "1000000 1"),
    ("refs", "refs", "10000000 10000 11 1"),
    ("refs", "refs_digest", "10000000 10000 3"),
    ("refs", "refs_child", "1000000 1000 2"),
    ("refs", "refs_blob", "9000000 9"),
    ("leases", "leases", "100000 100 1"),
    ("leases", "leases_digest", "100000 1"),
    ("leases", "leases_expires", "100000 1"),
    ("uploads", "uploads", "1000 1"),
    ("uploads", "uploads_repository", "1000 5"),
    ("uploads", "uploads_expires", "1000 1"),
)
"""Table, index, and its rows in all and for each further column that is known; a table's own key has its name."""

STATEMENTS = (
    "CREATE INDEX changes_pruned ON changes (at) WHERE pruned = 1",
    "ANALYZE",  # makes the table of statistics
    "DELETE FROM sqlite_stat1",
    *(f"INSERT INTO sqlite_stat1 VALUES ('{table}', '{index}', '{rows}')" for table, index, rows in PROPORTIONS),
)

NEEDS = 0.01
