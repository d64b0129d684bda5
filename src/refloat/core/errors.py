"""What can go wrong: one class per condition.

The direct children of `RefloatError` are *codes*: their names spell the code that goes on the wire
(`ManifestUnknown` is `MANIFEST_UNKNOWN`). A condition that needs its own status or text but shares a
code is a subclass of that code. No status is written here: `web.errors` has the one table.
"""

import re
from collections.abc import Mapping, Sequence

Detail = Mapping[str, object] | Sequence[object] | str | None


class RefloatError(Exception):
    """A condition a caller can act on. `message` is a sentence for people, `detail` is for programs."""

    def __init__(self, message: str, detail: Detail = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


def code_of(condition: type[RefloatError]) -> str:
    """Return the code a condition class carries on the wire, such as `BLOB_UNKNOWN`."""
    lineage = [kind for kind in condition.__mro__ if issubclass(kind, RefloatError) and kind is not RefloatError]
    return re.sub(r"(?<!^)(?=[A-Z])", "_", lineage[-1].__name__).upper()


# The codes of the OCI Distribution Specification, section "Error Codes".


class BlobUnknown(RefloatError):
    """The repository has no such blob that may be read."""


class BlobUploadInvalid(RefloatError):
    """A request to an upload does not fit what the upload is."""


class UploadOutOfOrder(BlobUploadInvalid):
    """A chunk does not begin where the upload ends, or another request is writing. `detail` has `offset`."""


class UploadTooSlow(BlobUploadInvalid):
    """The client sent nothing for longer than the receive deadline, or over that long too little."""


class BlobUploadUnknown(RefloatError):
    """There is no such upload in this repository, or it has expired."""


class DigestInvalid(RefloatError):
    """A digest is not written as one, or does not match the content."""


class ManifestBlobUnknown(RefloatError):
    """A manifest needs content the repository does not hold. `detail` lists exactly the missing digests."""


class ManifestInvalid(RefloatError):
    """A manifest cannot be accepted as it is."""


class ManifestUnknown(RefloatError):
    """The repository has no such manifest or tag."""


class NameInvalid(RefloatError):
    """A repository name or tag is not written as the specification's grammar asks."""


class NameUnknown(RefloatError):
    """There is no such repository."""


class SizeInvalid(RefloatError):
    """A length is not what was announced."""


class ManifestTooLarge(SizeInvalid):
    """A manifest is larger than the 4 MiB that are accepted."""


class BodyIncomplete(SizeInvalid):
    """A request's body ended before it was whole, or its chunks are not written as chunks are."""


class RangeNotSatisfiable(SizeInvalid):
    """The requested range does not lie within the blob. `detail` has `size`."""


class Denied(RefloatError):
    """The request is understood and refused; the message names the rule."""


class ProtectedTag(Denied):
    """A tag that a pattern protects would move or go. `detail` has repository, tag and pattern."""


class Blocked(Denied):
    """The content was purged and may not come back. `detail` has digest, purge and when it was."""


class Unsupported(RefloatError):
    """The operation is switched off or does not exist."""


class MethodUnsupported(Unsupported):
    """The address exists, the method does not."""


class PreconditionFailed(Denied):
    """`If-Match` or `If-None-Match` asked for another value than the reference has now."""


class PaginationNumberInvalid(RefloatError):
    """`n` is not a number the listing accepts (the code distribution answers with)."""


# Our own codes, for the management API.


class ChangeUnknown(RefloatError):
    """No change begins with this id, or several do."""


class ChangeConflict(RefloatError):
    """References moved since the change. `detail` lists them: reference, now, wanted, who, when."""


class ChangeGone(RefloatError):
    """History let go of a manifest that the undo or restore needs. `detail` lists the digests."""


class Purged(RefloatError):
    """An undo or restore needs a manifest that was purged. `detail` lists the digests, and the purge."""


class RequestInvalid(RefloatError):
    """A management request is not written as the API asks."""


class PatternsTooWide(RequestInvalid):
    """Patterns would be compared with more names and tags than one request may ask for. `detail` has the limit."""


class CollectionStopped(RefloatError):
    """The collector does not run until an operator has looked: the message says why."""


class StorageFull(RefloatError):
    """The disk is below its reserve, or full; the message says what still works. No question of permission: the
    specification has no code for it, and what it asks of codes holds for answers of 4xx (section "Error Codes")."""


class Unavailable(RefloatError):
    """The server cannot write now; what was acknowledged is safe."""


class Exhausted(Unavailable):
    """The process has no more descriptors, memory or threads for the moment."""
