"""Where a verb works: a registry, the trash of a repository in it, and how refusals are told."""

import getpass
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.progress import Bar
from refloat.cli.session import Session
from refloat.cli.wording import age
from refloat.client.errors import ClientError, NotAllowed, Refused
from refloat.client.registry import Registry
from refloat.core.errors import DigestInvalid, NameInvalid, RefloatError
from refloat.core.identity import change_id
from refloat.core.names import RepositoryName
from refloat.language import say
from refloat.portable import refusals
from refloat.portable.keeping import Asked
from refloat.portable.layout import SavedLayout
from refloat.portable.shelf import Shelf
from refloat.portable.trash import PREFIX, TrashRepository, trashes_in

KEEP = "30d"
STOPPED = say("Stopped. Run it again and it goes on; refloat restore takes back what was deleted.")
EXITS: Mapping[type[refusals.Refusal], Exit] = {
    refusals.NotThere: Exit.NOT_FOUND,
    refusals.DeletesDisabled: Exit.NOT_ALLOWED,
    refusals.OtherTags: Exit.CONFLICT,
    refusals.Needed: Exit.CONFLICT,
    refusals.MovedSince: Exit.CONFLICT,
    refusals.NotWhole: Exit.FOUND_PROBLEMS,
    refusals.TrashLost: Exit.FOUND_PROBLEMS,
}


@dataclass(frozen=True)
class Place:
    """A registry, and where its deleted images are kept: in trash repositories, or in a directory."""

    session: Session
    registry: Registry
    prefix: str
    directory: Path | None

    @classmethod
    def named(cls, session: Session, host: str | None, save: Path | None) -> "Place":
        """Return the registry a reference names, with the trash that options and environment name."""
        prefix = os.environ.get("REFLOAT_TRASH", PREFIX)
        try:
            RepositoryName.parse(prefix)
        except RefloatError:
            raise usage(say("REFLOAT_TRASH={prefix!r} is not the name of a repository", prefix=prefix)) from None
        registry = Registry(*session.asking(host), progress=Bar(session.printer))
        if not registry.is_one():
            sentence = say("{server} is not a registry", server=registry.origin.netloc)
            raise Problem(sentence, Exit.UNREACHABLE, code="NOT_A_REGISTRY")
        return cls(session, registry, prefix, save)

    def shelf(self, repository: RepositoryName) -> Shelf:
        """Return the trash of a repository."""
        if repository.startswith(f"{self.prefix}/"):
            raise usage(
                say("{repository} is a trash", repository=repository),
                say("refloat restore, purge and trash expire   are for what is in it, by the name it had"),
            )
        if self.directory is not None:
            return SavedLayout(self.registry, repository, self.directory)
        try:
            return TrashRepository(self.registry, repository, self.prefix)
        except RefloatError as error:
            raise usage(error.message, say("REFLOAT_TRASH=NAME   gives the trash a shorter name")) from None

    def repositories(self, named: str | None) -> Iterator[RepositoryName]:
        """Return the repositories whose trash is meant: the one that is named, else all. Raises Problem."""
        if named is not None:
            yield RepositoryName.parse(named)
            return
        try:
            yield from trashes_in(self.registry, self.prefix)
        except (NotAllowed, Refused) as error:
            problem = problem_of(error)
            problem.message = say("{server} does not list its repositories", server=self.registry.origin.netloc)
            problem.facts = (error.message, *((error.hint,) if error.hint else ()))
            problem.hint = say("--repo REPO   names the one whose trash is meant")
            raise problem from None

    def asked(self, keep: str | None, reason: str | None) -> Asked:
        """Return who asks for a delete, when, and how long it is kept."""
        now = self.session.printer.now
        until = now + timedelta(seconds=age(keep or KEEP))
        return Asked(change_id(secrets.token_bytes(8)), now, until, _person(), reason)

    def name(self, reference: str) -> str:
        """Return how a person names something in this registry."""
        return f"{self.registry.origin.netloc}/{reference}"

    def command(self, *words: str) -> str:
        """Return a command for a person to type, that finds the same trash as this one."""
        save = ["--save", str(self.directory)] if self.directory is not None else []
        plain = ["--plain-http"] if self.session.plain == "allowed" else []
        trash = [f"REFLOAT_TRASH={self.prefix}"] if self.prefix != PREFIX else []
        return " ".join([*trash, "refloat", *words, *save, *plain])


@contextmanager
def told() -> Iterator[None]:
    """Turn what the portable trash refuses into what a person is told. Raises Problem."""
    try:
        yield
    except refusals.Refusal as refusal:
        kind = type(refusal)
        code = "".join(f"_{letter}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_").upper()
        raise Problem(refusal.message, EXITS.get(kind, Exit.FAILED), refusal.facts, refusal.hint, code) from None
    except ClientError as error:
        raise problem_of(error) from None
    except (NameInvalid, DigestInvalid) as error:
        raise usage(error.message) from None
    except RefloatError as error:
        raise Problem(error.message, Exit.FAILED, code="FAILED") from None
    except OSError as error:
        raise Problem(
            f"{error.filename or say('this machine')}: {error.strerror}",
            Exit.FAILED,
            hint=say("run it again when that is mended: it goes on where it stopped"),
            code="FAILED",
        ) from None
    except KeyboardInterrupt:
        sys.stderr.write("\n" + STOPPED + "\n")
        raise


def _person() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return ""
