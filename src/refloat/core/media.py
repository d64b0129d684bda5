"""Media types of manifests, and how one is found when the client says too little.

Spec: OCI Image 1.1 "Media Types"; OCI Distribution 1.1 "Pushing Manifests"; RFC 6838 section 4.2.
"""

import re

from refloat.core.errors import ManifestInvalid
from refloat.core.names import printable

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA1 = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
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
NOT_WRITTEN = "is no media type, which RFC 6838 writes as type/subtype, in at most 255 bytes of ASCII"
_NAME = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}")
_SHOWN = frozenset({"audio", "font", "image", "message", "model", "multipart", "text", "video"})
_ACTIVE = (  # compiled for the first who asks: no start waits for it
    "application/(?:"
    r"xml.*|.*\+xml|pdf|postscript|hta|signed-exchange.*|web-?bundle|x-mimearchive"  # documents
    r"|(?:x-)?(?:java|ecma)script.*|wasm|x?-?java-.*|x-shockwave-flash|x-futuresplash"  # programs
    r"|ogg|mp4|x-mpegurl|vnd\.apple\.mpegurl"  # players' lists and films
    r"|x-xpinstall|x-chrome-extension|x-x509-.*|pkix-.*|x-pkcs.*|x-apple-aspen-config|x-ns-proxy-autoconfig"  # settings
    ")"
)


def bare(declared: str) -> str:
    """Return a Content-Type's media type, in lower case and without parameters."""
    return _lower(declared.partition(";")[0].strip(" \t"))


def is_media_type(text: str) -> bool:
    """Is this written as a media type, at most 255 bytes? RFC 6838 section 4.2: nothing else is sent in a header."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_active(media_type: str) -> bool:
    """Would a browser show, play, run, install or load something of this type instead of keeping it as bytes?"""
    lowered = media_type.lower()
    return lowered.partition("/")[0] in _SHOWN or re.fullmatch(_ACTIVE, lowered) is not None


def is_generic(media_type: str) -> bool:
    """Is this a type that says nothing about a manifest?"""
    return bare(media_type) in GENERIC


def is_same(declared: str, stored: str) -> bool:
    """Does a Content-Type say the type that is stored?"""
    return bare(declared) == stored.lower()


def media_type_of(document: dict[str, object], declared: str, stored: str | None) -> str:
    """Return a manifest's type in lower case; see `manifest.parse` for the order of the sources.

    Raises ManifestInvalid.
    """
    inner = document.get("mediaType")
    if inner is not None and not isinstance(inner, str):
        raise ManifestInvalid("mediaType is not a string")
    inner = _lower(inner or "")
    if declared not in GENERIC:
        if inner and inner != declared:
            said, wanted = printable(inner), printable(declared)
            raise ManifestInvalid(f"the body says mediaType {said}, Content-Type says {wanted}")
        return declared
    return stored if stored is not None else inner or _shape(document)


def _lower(text: str) -> str:
    """Media types are the same in any case; other letters that become ASCII in lower case are others."""
    return text.lower() if text.isascii() else text


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
    if index and ("config" in document or "layers" in document or not _has_list(document, "manifests")):
        raise ManifestInvalid("an index has a list of manifests, and neither config nor layers")


def _has_list(document: dict[str, object], name: str) -> bool:
    """A list that is empty may be written as null."""
    return name in document and isinstance(document[name], list | None)


def refusal_of(document: dict[str, object], media_type: str) -> str | None:
    """Return why this is not taken as a manifest where it was not before, in a sentence. None: it is.

    What is taken can be sent as it is kept, and is no page of this origin.
    """
    artifact_type = document.get("artifactType")
    if not is_media_type(media_type):
        return f"{printable(media_type)} {NOT_WRITTEN}"
    if isinstance(artifact_type, str) and artifact_type and not is_media_type(artifact_type):
        return f"artifactType {printable(artifact_type)} {NOT_WRITTEN}"
    return _strangeness(document, media_type)


def _strangeness(document: dict[str, object], media_type: str) -> str | None:
    if media_type in SCHEMA1 or (document.get("schemaVersion") == 1 and isinstance(document.get("fsLayers"), list)):
        return "Docker image manifest schema 1 is not taken: push the image as schema 2, or as an OCI image"
    if media_type in IMAGES | INDEXES:
        return None
    if is_active(media_type):
        return f"{media_type} is a type that browsers act on, and no manifest's"
    if media_type in GENERIC:
        return f"{media_type} is the type of anything, and no manifest's"
    likely = _likely(document)
    if likely is not None:
        return f"{media_type} is the type of neither an image nor an index, and this is one: push it as {likely}"
    return None


def _likely(document: dict[str, object]) -> str | None:
    """Return the type of an image or an index that this document could be."""
    if document.get("schemaVersion") != 2:
        return None
    config = document.get("config")
    if isinstance(config, dict) and "digest" in config and _has_list(document, "layers"):
        return OCI_MANIFEST
    return OCI_INDEX if _has_list(document, "manifests") else None
