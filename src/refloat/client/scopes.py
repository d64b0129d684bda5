"""What a request needs to be allowed, as the Distribution token specification writes it.

`repository:team/api:pull,push` and `registry:catalog:*`; several are separated by spaces.
"""

from collections.abc import Iterable, Mapping

from refloat.language import say

Scopes = Mapping[tuple[str, str], frozenset[str]]
"""Of each resource, by type and name, the actions."""

CATALOG: Scopes = {("registry", "catalog"): frozenset({"*"})}
NOTHING: Scopes = {}
_ORDER = ("pull", "push", "delete", "*")


def pulling(repository: str) -> Scopes:
    """Return what reading takes."""
    return {("repository", repository): frozenset({"pull"})}


def pushing(repository: str) -> Scopes:
    """Return what writing takes."""
    return {("repository", repository): frozenset({"pull", "push"})}


def deleting(repository: str) -> Scopes:
    """Return what deleting takes."""
    return {("repository", repository): frozenset({"pull", "delete"})}


def parse_scopes(text: str) -> Scopes:
    """Read scopes; what has not three parts is passed over. A name may have colons: it may begin with a host."""
    found: Scopes = {}
    for word in text.split():
        kind, _, rest = word.partition(":")
        name, colon, actions = rest.rpartition(":")
        if colon and kind and name:
            found = united(found, {(kind, name): frozenset(filter(None, actions.split(",")))})
    return found


def united(one: Scopes, other: Scopes) -> Scopes:
    """Return what allows both."""
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in {**one, **other}}


def covers(wide: Scopes, narrow: Scopes) -> bool:
    """Does `wide` allow all that `narrow` does?"""
    return all(actions <= wide.get(key, frozenset()) for key, actions in narrow.items())


def written(scopes: Scopes) -> tuple[str, ...]:
    """Return scopes as they are asked for, one word each."""
    return tuple(f"{kind}:{name}:{','.join(_ordered(actions))}" for (kind, name), actions in scopes.items())


def _ordered(actions: Iterable[str]) -> list[str]:
    return sorted(actions, key=lambda action: (_ORDER.index(action) if action in _ORDER else len(_ORDER), action))


def denial(server: str, needs: Scopes) -> str:
    """Return the sentence for an account that may not do what needs these."""
    (kind, name), actions = next(iter(needs.items()), (("", ""), frozenset[str]()))
    if kind != "repository":
        return say("{server}: your account may not list the repositories", server=server)
    if "delete" in actions:
        return say("{server}: your account may not delete in {repository}", server=server, repository=name)
    if "push" in actions:
        return say("{server}: your account may not push to {repository}", server=server, repository=name)
    return say("{server}: your account may not pull from {repository}", server=server, repository=name)
