"""The ways to the largest blobs, and to what was pushed last to a repository, without a look at all the others."""

STATEMENTS = (
    "CREATE INDEX blobs_largest ON blobs (size DESC, digest)",
    "CREATE INDEX manifests_pushed ON manifests (repository, pushed_at, digest)",
    "INSERT INTO sqlite_stat1 VALUES ('blobs', 'blobs_largest', '1000000 1 1')",
    "INSERT INTO sqlite_stat1 VALUES ('manifests', 'manifests_pushed', '1000000 1000 2 1')",
)

NEEDS = 0.1  # 0.01 to 0.15 of it, by how many layers an image has
