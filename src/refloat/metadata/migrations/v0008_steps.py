"""What a sweep goes on with in its next transaction, and the way to the children of an index that are there.

`unswept` are manifests that something let go of and of which nobody has looked yet whether anything else holds them.
An index may name tens of thousands of children that no repository has: whoever asks for the others found them among
all of its rows.
"""

STATEMENTS = (
    """CREATE TABLE IF NOT EXISTS unswept (
        repository INTEGER NOT NULL REFERENCES repositories (id),
        digest TEXT NOT NULL,
        PRIMARY KEY (repository, digest)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS refs_children ON refs (repository, parent) WHERE child IS NOT NULL",
    "DELETE FROM sqlite_stat1 WHERE idx = 'refs_children'",
    "INSERT INTO sqlite_stat1 VALUES ('refs', 'refs_children', '1000000 1000 2')",
)

NEEDS = 0.02  # an index entry for each child that is there
