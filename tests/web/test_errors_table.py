"""Three guards on the most boring table of the protocol, which most registries have a wrong entry in.

`test_every_planted_mistake_is_caught` plants one mistake each of five registries and shows which guard sees it.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from refloat.core import errors
from refloat.core.errors import RefloatError, code_of
from refloat.web.errors import WIRE

SPECIFIED = frozenset(
    {
        "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
        "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS",
    }
)  # fmt: skip
"""OCI Distribution 1.1, "Error Codes": a code MUST be one of these."""
OURS = frozenset(
    {
        "PAGINATION_NUMBER_INVALID", "CHANGE_UNKNOWN", "CHANGE_CONFLICT", "CHANGE_GONE", "REQUEST_INVALID",
        "COLLECTION_STOPPED", "PURGED", "STORAGE_FULL", "UNAVAILABLE",
    }
)  # fmt: skip
"""What the management API adds, what distribution answers to a bad `n`, and what is told with a status of 5xx."""
Conditions = Sequence[type[RefloatError]]
Wire = Mapping[type[RefloatError], int]


def conditions() -> list[type[RefloatError]]:
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RefloatError)]
    return [kind for kind in found if kind is not RefloatError]


def spelled(kind: type[RefloatError]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper()


def unmapped_or_unspecified(known: Conditions, wire: Wire) -> list[str]:
    """Guard 1: every condition has a status, and its code is one a client may expect."""
    return [kind.__name__ for kind in known if kind not in wire or code_of(kind) not in SPECIFIED | OURS]


def misspelled(known: Conditions, wire: Wire) -> list[str]:
    """Guard 2: a class named after a code carries that code; any other is a kind of one that is."""
    wrong = []
    for kind in known:
        of_its_own = RefloatError in kind.__bases__
        named_after_a_code = spelled(kind) in SPECIFIED | OURS
        if of_its_own != named_after_a_code or (of_its_own and code_of(kind) != spelled(kind)):
            wrong.append(kind.__name__)
    return wrong


def unknown_but_not_404(known: Conditions, wire: Wire) -> list[str]:
    """Guard 3: what says that something is unknown is a 404."""
    return [kind.__name__ for kind in known if code_of(kind).endswith("UNKNOWN") and wire.get(kind) != 404]


GUARDS: tuple[Callable[[Conditions, Wire], list[str]], ...] = (unmapped_or_unspecified, misspelled, unknown_but_not_404)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_table_is_right(guard: Callable[[Conditions, Wire], list[str]]) -> None:
    assert guard(conditions(), WIRE) == []


def test_the_table_has_nothing_else() -> None:
    assert set(WIRE) == set(conditions())
    assert all(400 <= status < 600 for status in WIRE.values())


class NameInvalid(RefloatError):
    pass


class DigestInvalid(NameInvalid):
    """go-containerregistry: DIGEST_INVALID goes out as NAME_INVALID."""


class NameUnknown(RefloatError):
    """zot: NAME_UNKNOWN is a 400 at two of seventeen places."""


class RepositoryNameNotKnownToRegistry(RefloatError):
    """olareg: code and message swapped, so the sentence is the code."""


class BlobUnknown(RefloatError):
    pass


class BlobUploadInvalid(BlobUnknown):
    """pulp: BlobInvalid sends BLOB_UNKNOWN."""


class TagExpired(RefloatError):
    """quay: a code outside the specification's."""


PLANTED: tuple[tuple[str, Wire, frozenset[str]], ...] = (
    ("go-containerregistry", {NameInvalid: 400, DigestInvalid: 400}, frozenset({"misspelled"})),
    (
        "olareg",
        {RepositoryNameNotKnownToRegistry: 404},
        frozenset({"unmapped_or_unspecified", "misspelled"}),
    ),
    ("zot", {NameUnknown: 400}, frozenset({"unknown_but_not_404"})),
    ("pulp", {BlobUnknown: 404, BlobUploadInvalid: 400}, frozenset({"misspelled", "unknown_but_not_404"})),
    ("quay", {TagExpired: 404}, frozenset({"unmapped_or_unspecified", "misspelled"})),
)


@pytest.mark.parametrize(
    ("registry", "wire", "caught_by"), PLANTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_planted_mistake_is_caught(registry: str, wire: Wire, caught_by: frozenset[str]) -> None:
    assert {guard.__name__ for guard in GUARDS if guard(list(wire), wire)} == caught_by


def test_a_condition_without_a_row_is_caught() -> None:
    assert unmapped_or_unspecified([NameInvalid], {}) == ["NameInvalid"]
