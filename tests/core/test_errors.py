"""The vocabulary of what can go wrong."""

import pytest

from refloat.core import errors
from refloat.core.errors import RefloatError, code_of

SPEC = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "DENIED",
    "UNSUPPORTED",
]


@pytest.mark.parametrize("code", SPEC)
def test_every_code_of_the_specification_that_we_answer_has_its_class(code: str) -> None:
    assert code in {code_of(condition) for condition in RefloatError.__subclasses__()}


def test_a_narrower_condition_shares_its_codes_name() -> None:
    assert code_of(errors.UploadOutOfOrder) == "BLOB_UPLOAD_INVALID"
    assert code_of(errors.Blocked) == "DENIED"
    assert code_of(errors.ManifestTooLarge) == "SIZE_INVALID"


def test_every_class_says_what_it_means() -> None:
    for condition in vars(errors).values():
        if isinstance(condition, type) and issubclass(condition, RefloatError):
            assert condition.__doc__
