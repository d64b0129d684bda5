"""The addresses of the management API: all of them, and all that is said of them to programs.

The router, the OpenAPI document and the tests that hold for every address read this table.
"""

from functools import cache

from starlette.requests import Request

from refloat.core.errors import (
    ChangeConflict,
    ChangeGone,
    ChangeUnknown,
    CollectionStopped,
    DigestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    ProtectedTag,
    Purged,
    Unsupported,
)
from refloat.web import management_queries as queries
from refloat.web import management_reads as reads
from refloat.web import management_requests as bodies
from refloat.web import management_shapes as shapes
from refloat.web import management_usage as usage
from refloat.web import management_writes as writes
from refloat.web import purge
from refloat.web.management_comparison import Compared, ComparisonQuery, get_comparison
from refloat.web.management_desk import Desk
from refloat.web.management_names import Names, NamesQuery, get_names
from refloat.web.management_openapi import Json, describe
from refloat.web.management_table import REPOSITORY, Address, Conditions, admin, get, guarded, post

REFERENCE: Conditions = (NameInvalid, DigestInvalid, ManifestUnknown)
HINDERED: Conditions = (ChangeConflict, ChangeGone, Purged, ProtectedTag, Unsupported)


@cache
def openapi() -> Json:
    """Return the OpenAPI document of this table."""
    return describe(ADDRESSES)


async def get_openapi(desk: Desk, request: Request, query: queries.Query) -> Json:
    """Answer the OpenAPI document that this is a part of."""
    return openapi()


ADDRESSES: tuple[Address, ...] = (
    get("/", reads.get_server, queries.Query, shapes.Server),
    get("/changes", reads.get_changes, queries.ChangesQuery, shapes.Changes, (NameInvalid, ChangeUnknown)),
    get("/changes/{id}", reads.get_change, queries.Query, shapes.Change),
    get("/changes/{id}/moves", reads.get_moves, queries.MovesQuery, shapes.Moves, (NameInvalid,)),
    get("/trash", reads.get_trash, queries.TrashQuery, shapes.Trash, (NameInvalid, ChangeUnknown)),
    get("/names", get_names, NamesQuery, Names, (NameInvalid,)),
    get("/repositories", reads.get_repositories, queries.RepositoriesQuery, shapes.Repositories),
    get(REPOSITORY + "/images", reads.get_images, queries.ImagesQuery, shapes.Images),
    get(REPOSITORY + "/image", reads.get_image, queries.ImageQuery, shapes.Image, REFERENCE),
    get(REPOSITORY + "/history", reads.get_history, queries.HistoryQuery, shapes.History, REFERENCE),
    guarded(get(REPOSITORY + "/comparison", get_comparison, ComparisonQuery, Compared, REFERENCE)),
    get(REPOSITORY + "/usage", usage.get_tag_sizes, queries.Page, usage.TagSizes),
    get("/usage", usage.get_usage, queries.Query, usage.Usage),
    get("/usage/repositories", usage.get_repository_sizes, queries.Page, usage.RepositorySizes),
    get("/usage/layers", usage.get_layers, usage.LayersQuery, usage.Layers, (NameInvalid, NameUnknown)),
    get("/openapi.json", get_openapi, queries.Query, dict),
    post("/changes/{id}/undo", writes.post_undo, bodies.UndoBody, shapes.Undone, (NameInvalid, *HINDERED)),
    post("/remove", writes.post_remove, bodies.RemoveBody, shapes.Removed, (NameUnknown, *REFERENCE, Unsupported)),
    post(REPOSITORY + "/restore", writes.post_restore, bodies.RestoreBody, shapes.Undone, (*REFERENCE, *HINDERED)),
    post("/collect", writes.post_collect, bodies.CollectBody, shapes.Round, (CollectionStopped,)),
    admin(post("/purge", purge.post_purge, purge.PurgeBody, purge.Purged, (NameUnknown, *REFERENCE, ChangeConflict))),
    admin(post("/unblock", purge.post_unblock, purge.UnblockBody, purge.Unblocked, (DigestInvalid, ManifestUnknown))),
    admin(get("/purges", purge.get_purges, purge.PurgesQuery, purge.Purges)),
)
