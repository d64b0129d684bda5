"""How values are spelled in the management API: the types that its queries, bodies and answers are declared with.

The descriptions are in the OpenAPI document, and in the sentence that refuses a parameter.
"""

from typing import Annotated

from msgspec import Meta

from refloat.core.kinds import KINDS
from refloat.core.names import DIGEST, MAX_NAME, NAME, TAG

MOST_A_PAGE = 1000
LONGEST_AGE = 100 * 366 * 24 * 3600  # seconds
MOST_MOVES = (1 << 31) - 1  # no reference has moved more often
LARGEST_NUMBER = 10**18 - 1
_KIND = "|".join(KINDS)

# Of answers.
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
DigestText = Annotated[str, Meta(pattern=f"^(?:{DIGEST.pattern})$")]
TagText = Annotated[str, Meta(pattern=f"^{TAG.pattern}$")]
RepositoryText = Annotated[str, Meta(pattern=f"^{NAME.pattern}$", max_length=MAX_NAME)]
ReferenceText = Annotated[str, Meta(description="a tag or a digest", pattern=f"^(?:{TAG.pattern}|{DIGEST.pattern})$")]
ChangeText = Annotated[str, Meta(pattern="^[a-z]{1,10}$")]
Count = Annotated[int, Meta(ge=0)]
Anything = Annotated[object, Meta(extra_json_schema={"description": "any JSON value"})]

# Of requests. What is only in `extra_json_schema` is parsed by core, which refuses it with a code of its own.
PageSize = Annotated[int, Meta(ge=1, le=MOST_A_PAGE, description=f"a number from 1 to {MOST_A_PAGE}")]
Number = Annotated[int, Meta(ge=0, le=LARGEST_NUMBER, description="the number of a move")]
ChangeId = Annotated[str, Meta(pattern="^[a-z]{1,10}$", description="the id of a change: up to ten small letters")]
ChangeIdOrNone = Annotated[
    str, Meta(pattern="^[a-z]{0,10}$", description="the id of a change, or nothing, for the first change of all")
]
Who = Annotated[str, Meta(min_length=1, description="an account, an address, or a program as docker or docker/27.3")]
Kinds = Annotated[
    str,
    Meta(
        pattern=f"^(?:{_KIND})(?:,(?:{_KIND}))*$",
        description=f"{', '.join(KINDS)}, or several of them with commas between",
    ),
]
MovePlace = Annotated[
    str, Meta(pattern=f"^{NAME.pattern}:[0-9]{{1,18}}$", description="what the page before gave as next")
]
AskedInstant = Annotated[
    str, Meta(description="an instant as RFC 3339 writes it", extra_json_schema={"format": "date-time"})
]
AskedRepository = Annotated[
    str,
    Meta(
        description="the name of a repository",
        extra_json_schema={"pattern": f"^{NAME.pattern}$", "maxLength": MAX_NAME},
    ),
]
AskedReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="a tag, a digest, or a digest's beginning of seven digits or more",
        extra_json_schema={"pattern": f"^(?:{TAG.pattern}|sha256:[0-9a-f]{{7,64}}|sha512:[0-9a-f]{{7,128}})$"},
    ),
]
AskedMoved = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        description="a reference that the change moved: REPO:TAG or REPO@DIGEST, or a tag or digest alone",
        extra_json_schema={
            "pattern": f"^(?:{NAME.pattern}:{TAG.pattern}|{TAG.pattern}"
            f"|(?:{NAME.pattern}@)?(?:sha256:[0-9a-f]{{7,64}}|sha512:[0-9a-f]{{7,128}}))$"
        },
    ),
]
AskedTag = Annotated[
    str, Meta(min_length=1, max_length=200, description="a tag", extra_json_schema={"pattern": f"^{TAG.pattern}$"})
]
AskedDigest = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="a digest",
        extra_json_schema={"pattern": f"^(?:{DIGEST.pattern})$"},
    ),
]
Reason = Annotated[str, Meta(max_length=1000, description="text of at most 1000 characters")]
Pattern = Annotated[str, Meta(min_length=1, max_length=500)]
Patterns = Annotated[
    list[Pattern], Meta(max_length=1000, description="a list of at most 1000, each of 1 to 500 characters")
]
Revision = Annotated[int, Meta(ge=0, le=MOST_MOVES, description=f"a number of changes, at most {MOST_MOVES}")]
Age = Annotated[int, Meta(ge=0, le=LONGEST_AGE, description=f"a number of seconds, at most {LONGEST_AGE}")]
