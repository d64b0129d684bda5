"""The management API's comparison of two states of an image."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from refloat.core.comparison import BuildDifference, Comparison, Layer, Setting, State
from refloat.core.errors import RequestInvalid
from refloat.core.names import RepositoryName
from refloat.usecases.compare import Archive, compare_states
from refloat.web import management_requests as asked
from refloat.web.management_answers import Json, Schemas
from refloat.web.management_desk import Desk, answer

MOST = 100  # of each list; beside it is how many there are
T = TypeVar("T")


async def get_comparison(desk: Desk, request: Request) -> Response:
    """Answer what differs between two references of a repository, each a tag, or a digest it has or holds."""
    query = request.query_params
    asked.refuse_unknown(query, "old", "new")
    repository = desk.name(request.path_params["name"])
    if "old" not in query or "new" not in query:
        raise RequestInvalid("old and new are both needed: a tag or a digest each")

    def read() -> Json:
        asked.refuse_missing(desk.read, repository)
        archive = Archive(desk.read, desk.listing, desk.services.blobs, repository)
        old, new = (desk.reference(repository, query[name]) for name in ("old", "new"))
        return comparison_document(repository, compare_states(archive, old, new))

    return answer(await asyncio.to_thread(read))


def comparison_document(repository: RepositoryName, found: Comparison) -> Json:
    """Describe what differs. `added_bytes` and `removed_bytes` are of blobs that only one of both has."""
    return {
        "schema": Schemas.COMPARISON,
        "repository": repository,
        "old": _state(found.old),
        "new": _state(found.new),
        "added_bytes": found.added,
        "removed_bytes": found.removed,
        "platforms_added": found.platforms_added,
        "platforms_removed": found.platforms_removed,
        **_first("images", found.builds, _build),
    }


def _state(state: State) -> Json:
    return {"digest": state.digest, "media_type": state.media_type, "size": state.size}


def _build(build: BuildDifference) -> Json:
    return {
        "platform": build.platform,
        "layers_kept": build.kept,
        **_first("layers_added", build.added, _layer),
        **_first("layers_removed", build.removed, _layer),
        **_first("config", build.settings, _setting),
    }


def _layer(layer: Layer) -> Json:
    return {"digest": layer.digest, "size": layer.size}


def _setting(setting: Setting) -> Json:
    return {"name": setting.name, "old": setting.old, "new": setting.new}


def _first(name: str, entries: Sequence[T], describe: Callable[[T], Json]) -> Json:
    """Describe the first of a list, beside how many there are in all."""
    return {name: [describe(entry) for entry in entries[:MOST]], f"{name}_total": len(entries)}
