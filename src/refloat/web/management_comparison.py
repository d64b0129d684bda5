"""The management API's comparison of two states of an image."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from starlette.requests import Request

from refloat.core.comparison import BuildDifference, Comparison, Hidden, Layer, Setting, State
from refloat.core.names import RepositoryName
from refloat.usecases.compare import Archive, compare_states
from refloat.web import management_requests as asked
from refloat.web.management_desk import Desk
from refloat.web.management_queries import Query
from refloat.web.management_shapes import Answer, Row
from refloat.web.spelling import Anything, AskedReference, Count, DigestText, RepositoryText

Side = Literal["old", "new"]
MOST = 100  # of each list; beside it is how many there are


class ComparisonQuery(Query, frozen=True, kw_only=True):
    """Which two states."""

    old: AskedReference
    new: AskedReference


class ComparedState(Row, frozen=True, kw_only=True):
    """What a reference points to; `size` counts each blob once."""

    digest: DigestText
    media_type: str
    size: Count


class ComparedLayer(Row, frozen=True, kw_only=True):
    """A layer that only one of both images has."""

    digest: DigestText
    size: Count


class ComparedSetting(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A value of the config that differs, such as `Env.PATH`; `null` is not there, or `hidden`: of what is deleted."""

    name: str
    old: Anything
    new: Anything
    hidden: Sequence[Side] = ()


class ComparedImage(Row, frozen=True, kw_only=True):
    """What differs between the images for one platform."""

    platform: str | None
    layers_kept: Count
    layers_added: Sequence[ComparedLayer]
    layers_added_total: Count
    layers_removed: Sequence[ComparedLayer]
    layers_removed_total: Count
    config: Sequence[ComparedSetting]
    config_total: Count


class Compared(Answer, frozen=True, kw_only=True, tag="refloat.comparison/1"):
    """What differs. `added_bytes` and `removed_bytes` are of blobs that only one of both has."""

    repository: RepositoryText
    old: ComparedState
    new: ComparedState
    added_bytes: Count
    removed_bytes: Count
    platforms_added: Sequence[str]
    platforms_removed: Sequence[str]
    images: Sequence[ComparedImage]
    images_total: Count


async def get_comparison(desk: Desk, request: Request, query: ComparisonQuery) -> Compared:
    """Answer what differs between two references of a repository, each a tag, or a digest it has or holds."""
    repository = desk.name(request.path_params["name"])
    extent: Literal["live", "deleted"] = "deleted" if desk.is_admin(request) else "live"

    def read() -> Compared:
        asked.refuse_missing(desk.read, repository)
        now = desk.services.now()
        archive = Archive(desk.read, desk.listing, desk.services.blobs, repository, now, extent)
        old, new = (desk.reference(repository, text) for text in (query.old, query.new))
        return comparison_document(repository, compare_states(archive, old, new))

    return await asyncio.to_thread(read)


def comparison_document(repository: RepositoryName, found: Comparison) -> Compared:
    """Describe what differs."""
    return Compared(
        repository=repository,
        old=_state(found.old),
        new=_state(found.new),
        added_bytes=found.added,
        removed_bytes=found.removed,
        platforms_added=found.platforms_added,
        platforms_removed=found.platforms_removed,
        images=[_build(build) for build in found.builds[:MOST]],
        images_total=len(found.builds),
    )


def _state(state: State) -> ComparedState:
    return ComparedState(digest=state.digest, media_type=state.media_type, size=state.size)


def _build(build: BuildDifference) -> ComparedImage:
    return ComparedImage(
        platform=build.platform,
        layers_kept=build.kept,
        layers_added=_layers(build.added),
        layers_added_total=len(build.added),
        layers_removed=_layers(build.removed),
        layers_removed_total=len(build.removed),
        config=[_setting(setting) for setting in build.settings[:MOST]],
        config_total=len(build.settings),
    )


def _setting(setting: Setting) -> ComparedSetting:
    values: dict[Side, object] = {"old": setting.old, "new": setting.new}
    hidden = tuple(side for side, value in values.items() if isinstance(value, Hidden))
    told = {side: None if side in hidden else value for side, value in values.items()}
    return ComparedSetting(name=setting.name, old=told["old"], new=told["new"], hidden=hidden)


def _layers(layers: Sequence[Layer]) -> Sequence[ComparedLayer]:
    return [ComparedLayer(digest=layer.digest, size=layer.size) for layer in layers[:MOST]]
