"""The first schema.

Words and invariants: ARCHITECTURE.md. Instants are microseconds since 1970 UTC, sizes bytes.
`tips.manifest` is set on a digest's own row only, which ties that row to the manifest, and every tag
through `digest` to that row. Every foreign key restricts: nothing is removed while something needs it.
"""

TABLES = (
    """CREATE TABLE repositories (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE)""",
    """CREATE TABLE manifests (
        repository INTEGER NOT NULL REFERENCES repositories (id),
        digest TEXT NOT NULL,
        media_type TEXT NOT NULL,
        artifact_type TEXT,
        subject TEXT,
        pushed_at INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (repository, digest))""",
    """CREATE TABLE changes (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        run TEXT,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        actor TEXT, address TEXT, client TEXT, reason TEXT,
        undoes TEXT,
        held_until INTEGER NOT NULL,
        pruned INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE tips (
        repository INTEGER NOT NULL REFERENCES repositories (id),
        reference TEXT NOT NULL,
        digest TEXT NOT NULL,
        manifest TEXT,
        change INTEGER NOT NULL,
        PRIMARY KEY (repository, reference),
        FOREIGN KEY (repository, digest) REFERENCES tips (repository, reference),
        FOREIGN KEY (repository, manifest) REFERENCES manifests (repository, digest),
        CHECK ((manifest IS NULL) = (reference <> digest)),
        CHECK (manifest IS NULL OR manifest = reference)) WITHOUT ROWID""",
    """CREATE TABLE moves (
        repository INTEGER NOT NULL REFERENCES repositories (id),
        seq INTEGER NOT NULL,
        change INTEGER NOT NULL REFERENCES changes (n),
        reference TEXT NOT NULL,
        old TEXT, new TEXT,
        held TEXT,
        PRIMARY KEY (repository, seq),
        FOREIGN KEY (repository, held) REFERENCES manifests (repository, digest),
        CHECK (held IS NULL OR held = old),
        CHECK (old IS NOT new)) WITHOUT ROWID""",
    """CREATE TABLE keys (
        key TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('uploading', 'live', 'doomed'))) WITHOUT ROWID""",
    """CREATE TABLE blobs (
        digest TEXT PRIMARY KEY,
        key TEXT NOT NULL UNIQUE REFERENCES keys (key),
        size INTEGER NOT NULL,
        verified_at INTEGER NOT NULL,
        damaged_at INTEGER) WITHOUT ROWID""",
    """CREATE TABLE refs (
        repository INTEGER NOT NULL,
        parent TEXT NOT NULL,
        digest TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('config', 'layer', 'child', 'other')),
        required INTEGER NOT NULL,
        child TEXT,
        blob TEXT REFERENCES blobs (digest),
        PRIMARY KEY (repository, parent, digest),
        FOREIGN KEY (repository, parent) REFERENCES manifests (repository, digest),
        FOREIGN KEY (repository, child) REFERENCES manifests (repository, digest),
        CHECK (child IS NULL OR child = digest),
        CHECK (blob IS NULL OR (blob = digest AND child IS NULL)),
        CHECK (NOT required OR blob IS NOT NULL)) WITHOUT ROWID""",
    """CREATE TABLE leases (
        repository INTEGER NOT NULL REFERENCES repositories (id),
        digest TEXT NOT NULL REFERENCES blobs (digest),
        readable INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        PRIMARY KEY (repository, digest)) WITHOUT ROWID""",
    """CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        repository INTEGER NOT NULL REFERENCES repositories (id),
        owner TEXT,
        key TEXT NOT NULL UNIQUE REFERENCES keys (key),
        size INTEGER NOT NULL,
        version INTEGER NOT NULL,
        expires INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE doomed (
        key TEXT PRIMARY KEY REFERENCES keys (key),
        digest TEXT,
        size INTEGER NOT NULL,
        reason TEXT NOT NULL,
        was_live INTEGER NOT NULL,
        condemned_at INTEGER NOT NULL,
        delete_after INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        reaped_at INTEGER) WITHOUT ROWID""",
    """CREATE TABLE rounds (
        number INTEGER PRIMARY KEY,
        clock INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        uptime INTEGER NOT NULL,
        session TEXT NOT NULL)""",
)

INDEXES = (
    "CREATE INDEX manifests_subject ON manifests (repository, subject) WHERE subject IS NOT NULL",
    "CREATE INDEX changes_due ON changes (held_until) WHERE pruned = 0",
    "CREATE INDEX changes_undoes ON changes (undoes) WHERE undoes IS NOT NULL",
    "CREATE INDEX tips_digest ON tips (repository, digest)",
    "CREATE INDEX tips_manifest ON tips (repository, manifest) WHERE manifest IS NOT NULL",
    "CREATE INDEX tips_tags ON tips (repository, reference, manifest) WHERE manifest IS NULL",
    "CREATE INDEX moves_change ON moves (change)",
    "CREATE INDEX moves_reference ON moves (repository, reference, seq)",
    "CREATE INDEX moves_held ON moves (repository, held) WHERE held IS NOT NULL",
    "CREATE INDEX refs_digest ON refs (repository, digest)",
    "CREATE INDEX refs_child ON refs (repository, child) WHERE child IS NOT NULL",
    "CREATE INDEX refs_blob ON refs (blob) WHERE blob IS NOT NULL",
    "CREATE INDEX leases_digest ON leases (digest)",
    "CREATE INDEX leases_expires ON leases (expires)",
    "CREATE INDEX uploads_repository ON uploads (repository)",
    "CREATE INDEX uploads_expires ON uploads (expires)",
    "CREATE INDEX doomed_due ON doomed (delete_after) WHERE reaped_at IS NULL",
    "CREATE INDEX doomed_reaped ON doomed (reaped_at) WHERE reaped_at IS NOT NULL",
)

STATEMENTS = TABLES + INDEXES

NEEDS = 0.0
