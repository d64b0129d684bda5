"""The way to one page of what refers to a manifest, in the order of its digests, without a look at the other pages.

The type is in it, so that a page of one type passes over the others without a look at their rows.
"""

STATEMENTS = (
    """CREATE INDEX IF NOT EXISTS manifests_referrers ON manifests (repository, subject, digest, artifact_type)
        WHERE subject IS NOT NULL""",
    "DROP INDEX IF EXISTS manifests_subject",
    "DELETE FROM sqlite_stat1 WHERE idx IN ('manifests_subject', 'manifests_referrers')",
    "INSERT INTO sqlite_stat1 VALUES ('manifests', 'manifests_referrers', '100000 100 2 1 1')",
)
