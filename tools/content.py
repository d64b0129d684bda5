"""Real container content made from files of this machine: layers, two platforms, an index, a signature.

The bytes are the same for the same files and salt, so that a digest can be compared wherever it comes back.
"""

import gzip
import hashlib
import io
import json
import sysconfig
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SIGNATURE = "application/vnd.example.signature.v1"

ARCHITECTURES = ("amd64", "arm64")


def digest_of(body: bytes) -> str:
    """Return the sha256 digest of `body` as the OCI specs write it."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass(frozen=True)
class Part:
    """One manifest or blob: its media type and its bytes."""

    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.body)

    def descriptor(self, **more: object) -> dict[str, object]:
        """Return the OCI descriptor of this part, with `more` fields such as `platform`."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body), **more}


@dataclass(frozen=True)
class Content:
    """An index over one image for each platform, and a signature that refers to the index."""

    blobs: tuple[Part, ...]
    manifests: tuple[Part, ...]
    index: Part
    signature: Part
    own_blobs: tuple[Part, ...] = field(default=())

    @property
    def amd64(self) -> Part:
        return self.manifests[0]

    @property
    def everything(self) -> tuple[Part, ...]:
        """Every manifest and blob once, in an order in which a registry takes them."""
        return (*self.blobs, *self.manifests, self.index, self.signature)

    def size(self) -> int:
        """Return the bytes of all parts."""
        return sum(len(part.body) for part in self.everything)


def make_content(salt: str) -> Content:
    """Build an image of three layers for two platforms; `salt` makes its top layers and manifests its own."""
    library = Path(sysconfig.get_path("stdlib"))
    base = _layer("etc", filter(Path.is_file, (Path("/etc/os-release"), Path("/etc/services"))))
    code = _layer("usr/lib/app", sorted(library.glob("email/*.py")))
    blobs: dict[str, Part] = {base[0].digest: base[0], code[0].digest: code[0]}
    own: list[Part] = []
    manifests = []
    for architecture in ARCHITECTURES:
        top = _layer("srv", sorted(library.glob("[a-d]*.py")), note=f"{salt} {architecture}\n")
        config = _config(architecture, [base[1], code[1], top[1]])
        own += [top[0], config]
        manifests.append(_manifest(config, [base[0], code[0], top[0]]))
    index = _index(manifests)
    signed, nothing = Part("text/plain", f"signed: {index.digest}\n".encode()), Part(EMPTY, b"{}")
    own += [signed]
    blobs |= {part.digest: part for part in (*own, nothing)}
    signature = _signature(index, signed, nothing)
    return Content(tuple(blobs.values()), tuple(manifests), index, signature, tuple(own))


def write_layout(directory: Path, parts: Iterable[Part], tagged: Part, tag: str) -> Path:
    """Write an OCI image layout that holds `parts` and names `tagged` by `tag`. Returns `directory`."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for part in parts:
        (blobs / part.digest.partition(":")[2]).write_bytes(part.body)
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = tagged.descriptor(annotations={"org.opencontainers.image.ref.name": tag})
    (directory / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))
    return directory


def image_parts(content: Content) -> tuple[Part, ...]:
    """Return what the amd64 image alone consists of."""
    return (*_needed_by(content, content.amd64), content.amd64)


def index_parts(content: Content) -> tuple[Part, ...]:
    """Return what the index consists of: everything but the signature."""
    return (*_needed_by(content, *content.manifests), *content.manifests, content.index)


def _needed_by(content: Content, *manifests: Part) -> list[Part]:
    documents = [json.loads(manifest.body) for manifest in manifests]
    wanted = {entry["digest"] for document in documents for entry in (document["config"], *document["layers"])}
    return [part for part in content.blobs if part.digest in wanted]


def _layer(prefix: str, files: Iterable[Path], note: str = "") -> tuple[Part, str]:
    """Return a gzipped layer and its diff id. Times and owners are fixed: same files, same digest."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in files:
            _add(archive, f"{prefix}/{path.name}", path.read_bytes())
        if note:
            _add(archive, f"{prefix}/note.txt", note.encode())
    tar = raw.getvalue()
    return Part(LAYER, gzip.compress(tar, compresslevel=6, mtime=0)), digest_of(tar)


def _add(archive: tarfile.TarFile, name: str, body: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(body), 0o644
    archive.addfile(entry, io.BytesIO(body))


def _config(architecture: str, diff_ids: list[str]) -> Part:
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {"Cmd": ["/srv/app"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "make_content"} for _ in diff_ids],
    }
    return Part(CONFIG, _json(document))


def _manifest(config: Part, layers: list[Part]) -> Part:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
    }
    return Part(MANIFEST, _json(document))


def _index(manifests: list[Part]) -> Part:
    entries = [
        manifest.descriptor(platform={"architecture": architecture, "os": "linux"})
        for manifest, architecture in zip(manifests, ARCHITECTURES, strict=True)
    ]
    return Part(INDEX, _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))


def _signature(subject: Part, signed: Part, nothing: Part) -> Part:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": SIGNATURE,
        "config": nothing.descriptor(),
        "layers": [signed.descriptor()],
        "subject": subject.descriptor(),
    }
    return Part(MANIFEST, _json(document))


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
