"""The matrix of clients: filled by the tests, printed at the end of the run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.clients.drivers import Buildah, Client, Crane, Docker, Oras, Podman, Regctl, Skopeo
from tests.clients.engine import Engine
from tests.programs import needed, needed_root

STEPS = ("push", "pull", "delete", "collect", "undo", "pull again")
COPIERS: dict[str, Callable[[Path, Path], Client]] = {"skopeo": Skopeo, "crane": Crane, "oras": Oras, "regctl": Regctl}


@dataclass
class Matrix:
    """What became of each step, by client and kind."""

    rows: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def mark(self, client: str, kind: str, step: str, verdict: str) -> None:
        """Write a verdict into one cell."""
        self.rows.setdefault((client, kind), {})[step] = verdict

    @contextmanager
    def step(self, client: str, kind: str, step: str) -> Iterator[None]:
        """Fill one cell by whether the block succeeds."""
        self.mark(client, kind, step, "FAILED")
        yield
        self.mark(client, kind, step, "ok")

    def lines(self) -> list[str]:
        """Return the matrix as text."""
        head = f"{'client':<10}{'what':<18}" + "".join(f"{step:<12}" for step in STEPS)
        return [head] + [
            f"{client:<10}{kind:<18}" + "".join(f"{cells.get(step, '-'):<12}" for step in STEPS)
            for (client, kind), cells in self.rows.items()
        ]


MATRIX = pytest.StashKey[Matrix]()


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> Matrix:
    """The matrix of this run."""
    return pytestconfig.stash.setdefault(MATRIX, Matrix())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the matrix under the test results."""
    filled = config.stash.get(MATRIX, None)
    if filled:
        terminalreporter.section("clients")
        for line in filled.lines():
            terminalreporter.write_line(line)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory with a short name: podman refuses a longer one for what it runs."""
    with TemporaryDirectory(prefix="refloat-") as name:
        yield Path(name)


@pytest.fixture
def client(tmp_path: Path, short_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Client]:
    """Make a client by name, at work in this test's own directories."""

    def make(name: str) -> Client:
        program = needed(name)
        if name == "docker":
            engine: Engine = request.getfixturevalue("engine")
            return Docker([program, "--host", engine.host, "--config", tmp_path / "config"], tmp_path, {})
        if name in COPIERS:
            return COPIERS[name](program, tmp_path)
        needed_root()
        store = [f"--root={tmp_path}/store", f"--runroot={short_path}/run", "--storage-driver=vfs"]
        environment = {"STORAGE_DRIVER": "vfs", "XDG_RUNTIME_DIR": str(tmp_path)}
        if name == "buildah":
            return Buildah([program, *store], tmp_path, environment)
        plain = ["--cgroup-manager=cgroupfs", "--events-backend=file", f"--tmpdir={short_path}/tmp"]
        return Podman([program, *store, *plain], tmp_path, environment)

    return make
