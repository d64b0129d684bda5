"""Schemathesis reads the OpenAPI document and asks the server what it allows, and what it does not.

Whatever it asks, the answer has a declared status, headers and shape; what is not allowed is refused; nothing is a 500.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import Serve
from tools.content import make_content
from tools.provision import HOME

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SETTINGS = HOME / "tests" / "conformance" / "schemathesis.toml"
API = "/v2/_refloat/v1"
EXAMPLES = 15  # drawn for each address, beside those that cover its parameters
DEADLINE = 300.0  # seconds; only a broken program needs them


def test_the_server_is_what_its_document_says(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    for tag in ("v1", "v2"):
        served.wire.push("judged", tag, make_content(f"judged {tag}"))
    removal = json.dumps({"images": ["judged:v2"]}).encode()
    change = served.wire.ask("POST", f"{API}/remove", removal).expect(201).headers["refloat-change"]
    known = f'[parameters]\n"path.id" = "{change}"\n"path.name" = "judged"\n\n'
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(known + SETTINGS.read_text(encoding="utf-8"), encoding="utf-8")
    token = (served.root / "refloat" / "admin.token").read_text().strip()
    base = f"http://{served.address}{API}"
    judged = subprocess.run(
        [
            SCHEMATHESIS, "--config-file", settings, "--no-color", "run", f"{base}/openapi.json", "--url", base,
            "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1",
            "--generation-database", "none", "--header", f"Refloat-Admin-Token: {token}",
        ],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "Traceback" not in served.tail()
