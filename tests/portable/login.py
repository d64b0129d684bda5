"""What `docker login` leaves in a home."""

import base64
import json

from tests.cli.conftest import Shell


def login(person: Shell, address: str, user: str, password: str) -> None:
    """Let a person's home have the credentials of one registry."""
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = person.home / ".docker" / "config.json"
    config.parent.mkdir(exist_ok=True)
    config.write_text(json.dumps({"auths": {address: {"auth": coded}}}))
