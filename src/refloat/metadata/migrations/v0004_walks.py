"""The ways from one change of a repository to the next, and from one change in the trash to the next.

The partial ones hold what was deleted and can come back, which is a small part of all moves.
"""

LEFT = "held IS NOT NULL AND new IS NULL"

STATEMENTS = (
    "CREATE INDEX moves_here ON moves (repository, change)",
    f"CREATE INDEX moves_left ON moves (change) WHERE {LEFT}",
    f"CREATE INDEX moves_left_here ON moves (repository, change) WHERE {LEFT}",
    "INSERT INTO sqlite_stat1 VALUES ('moves', 'moves_here', '4000000 4000 4')",
    "INSERT INTO sqlite_stat1 VALUES ('moves', 'moves_left', '100000 4')",
    "INSERT INTO sqlite_stat1 VALUES ('moves', 'moves_left_here', '100000 100 4')",
)

NEEDS = 0.03
