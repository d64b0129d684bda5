"""The same verbs several times, one after the other and at once."""

from concurrent.futures import ThreadPoolExecutor

from tests.cli.conftest import Done, Shell
from tests.portable.forked import Commands
from tests.portable.peers import Peer, push_index
from tests.portable.reading import kept_in, read_tags, tags_of
from tools.content import make_content

CONFLICT, NOT_FOUND = 7, 6
PEOPLE = 3


def test_again_and_again(stock: Peer, person: Shell) -> None:
    """What an earlier entry kept and let go of is kept anew."""
    repository = "together/again"
    push_index(stock.wire, repository, make_content(repository), "v1")
    before, named = read_tags(stock.wire, repository), f"{stock.address}/{repository}:v1"
    with Commands(person.environment) as commands:
        for _ in range(3):
            done = commands("rm", named, "--keep", "0h")
            assert done.code == 0, done.err
            stock.collect("--delete-untagged")
            done = commands("restore", named)
            assert done.code == 0, done.err
            assert read_tags(stock.wire, repository) == before
            assert commands("trash", "expire", "--host", stock.address, "--repo", repository).code == 0
            assert kept_in(stock.wire, repository) == []
            stock.collect()


def test_several_people_at_once(stock: Peer, person: Shell) -> None:
    """One of them deletes it; whoever is told that, and whoever is told that it moved, finds it again."""
    repository = "together/at-once"
    push_index(stock.wire, repository, make_content(repository), "v1")
    before, named = read_tags(stock.wire, repository), f"{stock.address}/{repository}:v1"
    codes = [done.code for done in all_at_once(person, "rm", named)]
    assert 0 in codes
    assert set(codes) <= {0, CONFLICT, NOT_FOUND}
    assert tags_of(stock.wire, repository) == []
    stock.collect("--delete-untagged")
    # 2.8.2 writes a link in place: who reads it at that moment is told that the digest is wrong
    assert 0 in [done.code for done in all_at_once(person, "restore", named)]
    done = person("restore", named)
    assert done.code == 0, done.err
    assert read_tags(stock.wire, repository) == before


def all_at_once(person: Shell, *arguments: str) -> list[Done]:
    """Let several people run the same command at the same time."""
    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(lambda _: person(*arguments), range(PEOPLE)))
