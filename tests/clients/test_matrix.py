"""Every client pushes, pulls and deletes as it always did; what refloat brings back is byte-identical to it."""

from collections.abc import Callable

import pytest

from tests.clients.closure import Closure, read_closure
from tests.clients.conftest import Matrix
from tests.clients.drivers import Client, Kind, Pulled
from tests.programs import ProgramError
from tools.content import make_content
from tools.serving import Served

CLIENTS = ("docker", "podman", "skopeo", "buildah", "crane", "oras", "regctl")


@pytest.mark.parametrize("kind", ["image", "index"])
@pytest.mark.parametrize("name", CLIENTS)
def test_client_delete_is_undone(
    name: str, kind: Kind, registry: Served, client: Callable[[str], Client], matrix: Matrix
) -> None:
    driver = client(name)
    repository = f"matrix/{name}-{kind}"
    reference = f"{registry.address}/{repository}:v1"
    wire = registry.wire

    with matrix.step(name, kind, "push"):
        driver.push(kind, make_content(f"{name} {kind}"), reference)
        pushed = read_closure(wire, repository, "v1")
    with matrix.step(name, kind, "pull"):
        assert_same(driver.pull(kind, reference), pushed)

    with matrix.step(name, kind, "delete"):
        if driver.can_delete:
            driver.delete(reference)
        else:
            removed = registry.refloat("rm", reference)
            assert removed.returncode == 0, removed.stderr
        assert wire.manifest(repository, "v1").status == 404
        with pytest.raises(ProgramError):
            driver.pull(kind, reference)
    if not driver.can_delete:
        matrix.mark(name, kind, "delete", "n/a")

    with matrix.step(name, kind, "undo"):
        undone = registry.refloat("undo", registry.last_change(repository))
        assert undone.returncode == 0, undone.stderr
        assert read_closure(wire, repository, "v1") == pushed
    with matrix.step(name, kind, "pull again"):
        assert_same(driver.pull(kind, reference), pushed)


def assert_same(pulled: Pulled, pushed: Closure) -> None:
    """What a client got is the image that was pushed: every digest it names, every byte it shows."""
    assert pulled.digests
    assert pulled.digests <= pushed.bodies.keys()
    if pulled.bodies:
        assert pulled.bodies == pushed.bodies
