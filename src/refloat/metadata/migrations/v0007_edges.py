"""A part of a manifest is bound to the manifest and to the blob of its digest, to whichever the repository has.

It was one or the other, and the first to come: a child whose bytes were in the repository as a blob too stayed a blob
when its manifest came, so that no rule knew it for a part of a live index. Only a rule is taken from `refs`, and no row
changes for it: that is done in the schema's text, as https://www.sqlite.org/lang_altertable.html section 7 says.

What this binds may be a part of something live that left by that mistake and that history still holds. It comes back,
as a change of its own: what is live is closed. The moves by which it left stay as they are. One that was swept since is
gone as a manifest, and a push brings it.
"""

LETTERS = " || ".join(10 * ["substr('abcdefghijklmnopqrstuvwxyz', 1 + abs(random() % 26), 1)"])
"""A change's id, as `core.identity.change_id` makes one."""

RELAXED = (
    "PRAGMA writable_schema = ON",
    """UPDATE sqlite_master SET sql = replace(
        sql, 'CHECK (blob IS NULL OR (blob = digest AND child IS NULL))', 'CHECK (blob IS NULL OR blob = digest)')
       WHERE type = 'table' AND name = 'refs'""",
    "PRAGMA writable_schema = RESET",  # this connection reads the schema again
    "DROP TRIGGER blobs_resized",  # and so do all others, after a statement that changes it
    """CREATE TRIGGER blobs_resized AFTER UPDATE OF size ON blobs WHEN new.size <> old.size BEGIN
        UPDATE refs SET size = new.size WHERE blob = new.digest; END""",
)

BOUND = (
    """UPDATE refs SET child = digest WHERE NOT required AND child IS NULL AND EXISTS (
        SELECT 1 FROM manifests m WHERE m.repository = refs.repository AND m.digest = refs.digest)""",
    """UPDATE refs SET blob = digest, size = (SELECT b.size FROM blobs b WHERE b.digest = refs.digest)
       WHERE blob IS NULL AND (
        EXISTS (SELECT 1 FROM leases l WHERE l.repository = refs.repository AND l.digest = refs.digest)
        OR EXISTS (SELECT 1 FROM refs f
            WHERE f.repository = refs.repository AND f.digest = refs.digest AND f.blob IS NOT NULL))""",
)

CLOSED = (
    """CREATE TEMP TABLE coming AS
       WITH RECURSIVE part (repository, digest) AS (
        SELECT f.repository, f.child FROM refs f JOIN tips p ON p.repository = f.repository AND p.reference = f.parent
        WHERE f.child IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM tips t WHERE t.repository = f.repository AND t.reference = f.child)
        UNION SELECT f.repository, f.child FROM part JOIN refs f
        ON f.repository = part.repository AND f.parent = part.digest WHERE f.child IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM tips t WHERE t.repository = f.repository AND t.reference = f.child))
       SELECT repository, digest, row_number() OVER (PARTITION BY repository ORDER BY digest) AS place FROM part""",
    f"""INSERT INTO changes (id, at, kind, reason, held_until)
        SELECT {LETTERS}, now.at, 'restore', 'a part of what is live, which an upgrade found deleted', now.at
        FROM (SELECT max(1000000 * strftime('%s', 'now'), at) AS at FROM changes ORDER BY n DESC LIMIT 1) now
        WHERE EXISTS (SELECT 1 FROM coming)""",
    """INSERT INTO moves (repository, seq, change, reference, new)
       SELECT c.repository, c.place + coalesce((SELECT max(seq) FROM moves m WHERE m.repository = c.repository), 0),
        (SELECT max(n) FROM changes), c.digest, c.digest FROM coming c""",
    """INSERT INTO tips (repository, reference, digest, manifest, change)
       SELECT c.repository, c.digest, c.digest, c.digest, (SELECT max(n) FROM changes) FROM coming c""",
    "DROP TABLE coming",
)

STATEMENTS = RELAXED + BOUND + CLOSED

NEEDS = 0.1  # rows of parts that are bound anew, which most databases have few of
