"""The size of each blob beside every use of it.

A repository's uses lie together, its blobs anywhere in a table that grows with the registry: adding up what a
repository takes was a look into that table for each of its blobs. A digest's size changes only where the row said
what a damaged file had; the trigger follows it.
"""

STATEMENTS = (
    "ALTER TABLE refs ADD COLUMN size INTEGER",
    # The plus: in the order of the repositories, where the index of blobs would go to and fro between them.
    "UPDATE refs SET size = (SELECT b.size FROM blobs b WHERE b.digest = refs.blob) WHERE +blob IS NOT NULL",
    """CREATE TRIGGER blobs_resized AFTER UPDATE OF size ON blobs WHEN new.size <> old.size BEGIN
        UPDATE refs SET size = new.size WHERE blob = new.digest; END""",
)

NEEDS = 0.2  # 0.18 to 0.33 of it, by how many layers an image has
