"""One run of a verb: which server, how to print, what to remember."""

import os
from dataclasses import dataclass, field

from refloat.cli.memory import Memory
from refloat.cli.printing import Printer
from refloat.cli.problems import usage
from refloat.client.origin import Origin, Plain, parse_origin
from refloat.client.refloat import Refloat
from refloat.language import say

LOCAL = "http://127.0.0.1:5000"


@dataclass
class Session:
    """What every verb is given. `host` is `--host` as it was typed."""

    printer: Printer
    host: str | None = None
    plain: Plain = "loopback"
    login: tuple[str, str] | None = None
    _servers: dict[str, Refloat] = field(default_factory=dict)
    _named: str | None = None

    def server(self, named: str | None = None) -> Refloat:
        """Return the server a reference names, else `--host`, else REFLOAT_HOST, else the local one."""
        address = self._address(named)
        if address not in self._servers:
            self._servers[address] = Refloat(*self.asking(named))
        return self._servers[address]

    def asking(self, named: str | None = None) -> tuple[Origin, tuple[str, str] | None]:
        """Return where that server is, and the user and password given by hand, if there are any."""
        return parse_origin(self._address(named), self.plain), self.login

    def _address(self, named: str | None) -> str:
        self._named = named or self.host
        return self._named or os.environ.get("REFLOAT_HOST") or LOCAL

    def one_server(self, hosts: set[str | None]) -> Refloat:
        """Return the one server that several references name. Raises Problem if they name several."""
        if len(hosts) > 1:
            raise usage(say("these references are on different servers"), say("run the command once for each"))
        return self.server(next(iter(hosts), None))

    def command(self, *words: str) -> str:
        """Return a command line for a person to type, that reaches the same server as this one."""
        flags = [f"--host {self._named}"] if self._named else []
        if self.plain == "allowed":
            flags.append("--plain-http")
        return " ".join(["refloat", *words, *flags])

    def memory(self, server: Refloat) -> Memory:
        """Return what is remembered about a server."""
        return Memory(server.origin.netloc)
