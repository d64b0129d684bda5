"""Purges: their receipts, what each ended, and which digests are blocked.

`purges.note` is the line that `purges.jsonl` has too, in the order of `n`; `finished_at` is unset while bytes,
backups or the log may still hold what ended. `purged` says of a digest which purge ended it.
"""

STATEMENTS = (
    """CREATE TABLE purges (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        note TEXT NOT NULL,
        finished_at INTEGER)""",
    """CREATE TABLE purged (
        digest TEXT NOT NULL,
        purge INTEGER NOT NULL REFERENCES purges (n),
        PRIMARY KEY (digest, purge)) WITHOUT ROWID""",
    """CREATE TABLE blocks (
        digest TEXT PRIMARY KEY,
        purge TEXT NOT NULL REFERENCES purges (id),
        at INTEGER NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX purged_purge ON purged (purge)",
    "CREATE INDEX blocks_purge ON blocks (purge)",
    "CREATE INDEX purges_unfinished ON purges (n) WHERE finished_at IS NULL",
)

NEEDS = 0.0
