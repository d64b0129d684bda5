"""Signatures and other attachments, made by the clients that people make them with."""

from pathlib import Path

from tests.programs import needed, run

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SBOM = "application/spdx+json"


def sign(reference: str, digest: str, directory: Path) -> set[str]:
    """Attach what refers to an image in each way there is, and return the tags that this made.

    A referrer by oras and one by regctl, a tag as cosign makes it, and the specification's fallback tag. `reference`
    is HOST:PORT/REPOSITORY. Spec: "Listing Referrers", "Referrers Tag Schema".
    """
    tag = digest.replace(":", "-")
    (directory / "signature.json").write_text(f'{{"critical":{{"image":{{"docker-manifest-digest":"{digest}"}}}}}}')
    (directory / "sbom.json").write_text(f'{{"spdxVersion":"SPDX-2.3","name":"{reference}"}}')
    oras, image = needed("oras"), f"{reference}@{digest}"
    signed = ("--artifact-type", "application/vnd.example.signature.v1", image, f"signature.json:{SIMPLE_SIGNING}")
    run(oras, "attach", "--no-tty", "--plain-http", *signed, cwd=directory)
    fallback = ("--distribution-spec", "v1.1-referrers-tag", "--artifact-type", SBOM, image, f"sbom.json:{SBOM}")
    run(oras, "attach", "--no-tty", "--plain-http", *fallback, cwd=directory)
    cosigned = (f"{reference}:{tag}.sig", f"signature.json:{SIMPLE_SIGNING}")
    run(oras, "push", "--no-tty", "--plain-http", *cosigned, cwd=directory)
    put = ("artifact", "put", "--artifact-type", SBOM, "--file", "sbom.json", "--subject", image)
    host = f"reg={reference.partition('/')[0]},tls=disabled"
    config = {"REGCTL_CONFIG": str(directory / "signing-regctl.json")}
    run(needed("regctl"), "--host", host, *put, cwd=directory, env=config)
    return {tag, f"{tag}.sig"}
