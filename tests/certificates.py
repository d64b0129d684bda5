"""Keys and certificates of the tests' own, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.programs import needed, run


@dataclass(frozen=True)
class Signer:
    """A private key and its certificate, which is signed by itself."""

    key: Path
    certificate: Path

    @property
    def der(self) -> str:
        """The certificate in the form of JOSE's x5c, RFC 7515 4.1.6."""
        lines = self.certificate.read_text().splitlines()
        return "".join(line for line in lines if not line.startswith("-----"))

    def sign(self, content: bytes) -> bytes:
        """Return a signature as RS256 has it, RFC 7518 3.3."""
        command = [str(needed("openssl")), "dgst", "-sha256", "-sign", str(self.key)]
        return subprocess.run(command, input=content, capture_output=True, check=True, timeout=60).stdout


def make_signer(place: Path, name: str, *more: str) -> Signer:
    """Make a key, and a certificate for `name`; `more` are further arguments of `openssl req`."""
    place.mkdir(parents=True, exist_ok=True)
    signer = Signer(place / f"{name}.key", place / f"{name}.pem")
    run(
        needed("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-keyout", signer.key, "-out", signer.certificate, *more,
    )  # fmt: skip
    return signer


def make_server_certificate(place: Path) -> Signer:
    """Make a certificate for a server on loopback."""
    return make_signer(place, "loopback", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
