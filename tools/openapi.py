"""Write docs/openapi.json: the management API as programs read it, made from its table of addresses."""

import json

from refloat.web.management_addresses import openapi
from tools.provision import HOME

PLACE = HOME / "docs" / "openapi.json"


def written() -> str:
    """Return the document as it stands in the repository."""
    return json.dumps(openapi(), indent=2, ensure_ascii=False) + "\n"


def run() -> None:
    """Write the document."""
    PLACE.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    run()
