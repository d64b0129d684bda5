"""Run the OCI's conformance suite against fresh servers and write docs/conformance.md.

The suite is pinned in tools/provision.py. Nothing in it is turned off here; what it marks as disabled is what
the specification's version it is asked about does not have.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import yaml

from tools.provision import BUILT, HOME, find
from tools.serving import Served

VERSIONS = ("1.1", "dev")

PEERS = (
    ("distribution 2.8.2", "1.1", 703, 99, 44),
    ("distribution 3.1.1", "1.1", 738, 94, 16),
    ("olareg 0.2.2", "1.1", 854, 0, 2),
    ("olareg 0.2.2", "dev", 980, 0, 2),
    ("Pulp container 2.30", "1.1", 609, 178, 57),
)
"""Server, suite, passes, failures, skips: measured 2026-11-24 with the same suite and fresh repository names."""


@dataclass(frozen=True)
class Verdict:
    """What the suite found, its own table of areas, and a line for each test that did not pass."""

    version: str
    passes: int
    failures: int
    skips: int
    areas: dict[str, str]
    remarks: tuple[str, ...]


def judge(conformance: Path, address: str, version: str, directory: Path) -> Verdict:
    """Let the suite judge the server at `address` by one version of the specification."""
    environment = {
        "OCI_REGISTRY": address,
        "OCI_TLS": "disabled",
        "OCI_VERSION": version,
        "OCI_REPO1": f"conformance-{version}/a",
        "OCI_REPO2": f"conformance-{version}/b",
        "OCI_RESULTS_DIR": str(directory),
        "HOME": str(directory),
    }
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(conformance)], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False
    )  # ends with an error when a test fails; the report says which
    suites = ElementTree.parse(directory / "junit.xml").getroot()
    total, failures, skips, disabled = (
        int(suites.get(name, "0")) for name in ("tests", "failures", "skipped", "disabled")
    )
    failures += int(suites.get("errors", "0"))
    areas = yaml.safe_load((directory / "results.yaml").read_text())
    named = {name: str(result) for part in ("apis", "data") for name, result in areas.get(part, {}).items()}
    passes = total - failures - skips - disabled
    return Verdict(version, passes, failures, skips, named, tuple(_remarks(suites)))


def _remarks(suites: ElementTree.Element) -> Iterator[str]:
    for case in suites.iter("testcase"):
        if case.get("status") != "passed":
            name = str(case.get("name")).removeprefix("OCI Conformance Test/")
            yield f"{case.get('status')}: {name}: {case.findtext('system-out', '').strip()[:1000]}"


def page(verdicts: list[Verdict]) -> str:
    """Return docs/conformance.md."""
    suite = next(part for part in BUILT["test"] if part.program == "conformance")
    rows = [("**refloat**", v.version, v.passes, v.failures, v.skips) for v in verdicts]
    lines = [
        "# Conformance",
        "",
        "`make conformance` wrote this page with",
        f"`{suite.module}@{suite.version}`,",
        "a fresh server with the shipped settings and fresh repository names for each run. Nothing in the suite was",
        "turned off. The other servers were judged on 2026-11-24 in the same way.",
        "",
        "| server | suite | pass | fail | skip |",
        "|---|---|---:|---:|---:|",
        *(f"| {' | '.join(str(cell) for cell in row)} |" for row in [*rows, *PEERS]),
        "",
        "## By area",
        "",
        f"| area | {' | '.join(v.version for v in verdicts)} |",
        f"|---|{'---|' * len(verdicts)}",
        *(
            f"| {area} | {' | '.join(v.areas.get(area, '-').lower() for v in verdicts)} |"
            for area in dict.fromkeys(area for v in verdicts for area in v.areas)
        ),
        "",
        "*disabled*: not part of that version of the specification, by the suite's own table.",
        "*skip*: a mount that does not say from where gets 202 and an upload session, as the specification allows:",
        "which repositories have a blob is nobody else's to learn by asking.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Judge, print, write the page. Returns the exit code."""
    conformance = find("conformance")
    if conformance is None:
        print("the conformance suite is missing", file=sys.stderr)
        return 1
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="refloat-conformance-") as name:
        for version in VERSIONS:
            place = Path(name) / version
            place.mkdir()
            with Served(place / "root", place / "serve.log") as served:
                verdict = judge(conformance, served.address, version, place / "results")
            print(f"{version}: {verdict.passes} pass, {verdict.failures} fail, {verdict.skips} skip")
            print("\n".join(f"  {remark}" for remark in verdict.remarks))
            verdicts.append(verdict)
    (HOME / "docs" / "conformance.md").write_text(page(verdicts))
    return 1 if any(verdict.failures for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
