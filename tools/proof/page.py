"""What the ledger shows, in docs/reliability.md."""

from tools.proof.ledger import totals
from tools.provision import HOME

PAGE = HOME / "docs" / "reliability.md"
BEGIN, END = "<!-- from the ledger -->", "<!-- end -->"


def table() -> str:
    """Return the sums of the ledger as a table."""
    rows = ["| part | tried in all | lost | leaked | last on | last commit |", "| --- | --- | --- | --- | --- | --- |"]
    for part, entry in sorted(totals().items()):
        tried = f"{entry.tried:,} {entry.counts}"
        rows.append(f"| {part} | {tried} | {entry.lost} | {entry.leaked} | {entry.date[:10]} | {entry.commit} |")
    return "\n".join(rows)


def update() -> None:
    """Write the table into the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", "utf-8")
