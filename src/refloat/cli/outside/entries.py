"""How an entry of a trash is written, for people and for programs."""

from refloat.cli.printing import Column
from refloat.portable.facts import Facts
from refloat.portable.shelf import Entry, Mark

STATES: dict[Mark, str] = {"begun": "unfinished", "deleted": "deleted", "restored": "restored"}
COLUMNS = (
    Column("WHEN", "at", "when"),
    Column("ID", "id"),
    Column("IMAGE", "names", "list"),
    Column("DIGEST", "image", "digest"),
    Column("SIZE", "size", "size"),
    Column("STATE", "state"),
    Column("UNTIL", "until", "day"),
    Column("WHO", "who"),
    Column("REASON", "reason"),
)


def document(facts: Facts, mark: Mark) -> dict[str, object]:
    """Return what is known of a delete."""
    return {
        "id": facts.id,
        "repository": facts.repository,
        "image": facts.image,
        "names": list(facts.names),
        "extent": facts.extent,
        "state": STATES[mark],
        "at": facts.at.isoformat(),
        "until": facts.until.isoformat(),
        "who": facts.who,
        "reason": facts.reason,
        "size": sum(facts.sizes.values()),
        "tags": dict(facts.tags),
        "manifests": [
            {"digest": kept.digest, "media_type": kept.media_type, "size": kept.size, "taken": kept.taken}
            for kept in facts.manifests
        ],
        "absent": list(facts.absent),
    }


def entry_document(entry: Entry) -> dict[str, object]:
    """Return what is known of an entry."""
    return document(entry.facts, entry.state)
