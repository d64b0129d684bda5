"""What the ledger shows, in docs/reliability.md."""

from tools.proof.ledger import settled, totals
from tools.provision import HOME

PAGE = HOME / "docs" / "reliability.md"
BEGIN, END = "<!-- from the ledger -->", "<!-- end -->"


def table() -> str:
    """Return the sums of the ledger as a table, and what its newest runs noted."""
    rows = ["| part | tried in all | lost | leaked | last on | last commit |", "| --- | --- | --- | --- | --- | --- |"]
    entries = sorted(totals().items())
    for part, entry in entries:
        tried = f"{entry.tried:,} {entry.counts}"
        rows.append(f"| {part} | {tried} | {entry.lost} | {entry.leaked} | {entry.date[:10]} | {entry.commit} |")
    notes = [f"- {part}: {note.splitlines()[0]}." for part, entry in entries for note in entry.notes]
    notes += [
        f"- {each.part}: PROOF_SEED={each.seed} found {each.found} at {each.commit}; fixed, it finds nothing any more."
        for each in settled()
    ]
    return "\n".join([*rows, "", *notes] if notes else rows)


def update() -> None:
    """Write the table into the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", "utf-8")
