"""What stops a verb on a registry that stays what it is: one class per condition, each with a sentence for people."""

from refloat.language import say

NOT_DELETED = say("it could not be brought back, so it was not deleted; any client's delete takes it all the same")


class Refusal(Exception):
    """Nothing was deleted, and nothing moved. `facts` are lines that explain, `hint` is what helps."""

    def __init__(self, message: str, facts: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        self.hint = hint


class NotThere(Refusal):
    """What was named is neither in the registry nor in the trash."""


class DeletesDisabled(Refusal):
    """The registry refuses every delete."""


class OtherTags(Refusal):
    """The image has tags that were not named, and the registry deletes images, not tags."""


class Needed(Refusal):
    """An index that stays names what should go."""


class NotWhole(Refusal):
    """Something the image needs cannot be read, so it could not be kept, or was not brought back."""


class MovedSince(Refusal):
    """A tag points elsewhere than it did when the image was looked at, or when it was deleted."""


class TrashLost(Refusal):
    """What the trash says about itself cannot be read."""


def not_whole(name: str, missing: tuple[str, ...], hint: str = "") -> NotWhole:
    """Return the refusal of an image of which something is missing; `missing` are digests."""
    facts = tuple(say("cannot be read: {digest}", digest=digest) for digest in missing)
    return NotWhole(say("{name} is not whole", name=name), facts, hint)
