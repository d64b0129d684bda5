"""Media types of manifests, and how one is found when the client says too little.

Spec: OCI Image 1.1 "Media Types"; OCI Distribution 1.1 "Pushing Manifests".
"""

from refloat.core.errors import ManifestInvalid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
GENERIC = frozenset(
    {
        "",
        "application/json",
        "application/octet-stream",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }
)  # what clients send that were told nothing: the type is then taken from elsewhere


def is_generic(media_type: str) -> bool:
    """Is this a type that says nothing about a manifest?"""
    return media_type.partition(";")[0].strip().lower() in GENERIC


def media_type_of(document: dict[str, object], declared: str, stored: str | None) -> str:
    """Return a manifest's type; see `manifest.parse` for the order of the sources. Raises ManifestInvalid."""
    inner = document.get("mediaType")
    if inner is not None and not isinstance(inner, str):
        raise ManifestInvalid("mediaType is not a string")
    if declared not in GENERIC:
        if inner and inner != declared:
            raise ManifestInvalid(f"the body says mediaType {inner}, Content-Type says {declared}")
        return declared
    return stored or inner or _shape(document)


def _shape(document: dict[str, object]) -> str:
    if "manifests" in document:
        return OCI_INDEX
    if "config" in document or "layers" in document:
        return OCI_MANIFEST
    if document.get("schemaVersion") == 1:
        return DOCKER_SCHEMA1_SIGNED if "signatures" in document else DOCKER_SCHEMA1
    raise ManifestInvalid("say what this is: no Content-Type, no mediaType, and neither an image nor an index")


def refuse_confusion(document: dict[str, object], media_type: str) -> None:
    """One digest must not read as an image to some and as an index to others (CVE-2021-41190)."""
    image, index = media_type in IMAGES, media_type in INDEXES
    if (image or index) and document.get("schemaVersion") != 2:
        raise ManifestInvalid("schemaVersion is not 2")
    if image and ("manifests" in document or not isinstance(document.get("config"), dict)):
        raise ManifestInvalid("an image manifest has a config and no manifests")
    if index and ("config" in document or "layers" in document or not isinstance(document.get("manifests"), list)):
        raise ManifestInvalid("an index has a list of manifests, and neither config nor layers")
