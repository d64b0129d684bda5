"""A verb: a click command with the options all verbs share, that ends in an exit code and never a traceback."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from refloat.cli.printing import Form, OutputEnded, Printer, now, written_json
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.progress import LINE
from refloat.cli.session import Session
from refloat.cli.wording import visible_styled
from refloat.client.errors import ClientError
from refloat.language import say

SHARED = ("host", "plain_http", "username", "password_stdin", "as_json", "jsonl", "quiet", "color", "debug")


def asking_options() -> list[click.Parameter]:
    """Return the options that say how a server is asked, and who asks."""
    return [
        click.Option(["--plain-http"], is_flag=True, help="Ask servers beyond this machine without TLS."),
        click.Option(["--username"], help="Who asks. Without it, Docker's and Podman's credential files are read."),
        click.Option(["--password-stdin"], is_flag=True, help="Read the password from standard input."),
    ]


def _shared_options() -> list[click.Parameter]:
    return [
        click.Option(["--host"], metavar="HOST[:PORT]", help="The server, unless a reference names it."),
        *asking_options(),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print references or ids only, one a line."),
        click.Option(["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True),
        click.Option(["--debug"], is_flag=True, hidden=True, help="Show tracebacks."),
    ]


class TranslatedCommand(click.Command):
    """A command whose help passes the door of `refloat.language`."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.help = say(self.help or "")
        for parameter in self.params:
            if isinstance(parameter, click.Option) and parameter.help:
                parameter.help = say(parameter.help)


class Verb(TranslatedCommand):
    """Hands the function a Session first, and turns what it raises into words and an exit code."""

    def __init__(self, *arguments: Any, params: Sequence[click.Parameter] = (), **attributes: Any) -> None:
        super().__init__(*arguments, params=[*params, *_shared_options()], **attributes)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb and end the process with its exit code."""
        shared = {name: ctx.params.pop(name, None) for name in SHARED}
        printer = Printer(_form(shared), shared["color"], now())
        try:
            ctx.params["session"] = _session(printer, shared)
            code = super().invoke(ctx)
            printer.finish()
        except (Problem, ClientError) as error:
            if shared["debug"]:
                raise
            problem = error if isinstance(error, Problem) else problem_of(error)
            tell(printer, problem)
            code = problem.exit
        except OutputEnded as ended:
            code = _end_of_output(printer, ended)
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            code = Exit.INTERRUPTED
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if shared["debug"]:
                raise
            tell(printer, _unexpected(error))
            code = Exit.FAILED
        ctx.exit(code or Exit.OK)


def _end_of_output(printer: Printer, ended: OutputEnded) -> Exit:
    if ended.has_reader_gone:
        return Exit.OK
    tell(printer, Problem(str(ended), Exit.FAILED))
    return Exit.FAILED


def _session(printer: Printer, shared: dict[str, Any]) -> Session:
    return Session(
        printer,
        host=shared["host"],
        plain="allowed" if shared["plain_http"] else "loopback",
        login=login(shared["username"], says_password=shared["password_stdin"]),
    )


def login(user: str | None, *, says_password: bool) -> tuple[str, str] | None:
    """Return the user and password given by hand; the password is read from standard input.

    Raises Problem where one is given without the other.
    """
    if user is None:
        if says_password:
            raise usage(say("--password-stdin needs --username"))
        return None
    if not says_password:
        raise usage(say("--username needs --password-stdin"), "printf %s PASSWORD | refloat … --password-stdin")
    return user, sys.stdin.readline().rstrip("\r\n")


def _form(shared: dict[str, Any]) -> Form:
    if shared["jsonl"]:
        return "jsonl"
    if shared["as_json"]:
        return "json"
    if shared["quiet"]:
        return "quiet"
    return "people" if sys.stdout.isatty() else "lines"


def _unexpected(error: Exception) -> Problem:
    return Problem(
        say("unexpected: {name}: {error}", name=type(error).__name__, error=error),
        Exit.FAILED,
        hint=say("--debug shows where"),
        code="BUG",
    )


def tell(printer: Printer, problem: Problem) -> None:
    """Write a problem to standard error, in the form the caller asked for."""
    LINE.erase()
    if printer.form in ("json", "jsonl"):
        sys.stderr.write(error_document(problem) + "\n")
        return
    for line in _lines(printer, problem):
        sys.stderr.write(visible_styled(line) + "\n")


def error_document(problem: Problem) -> str:
    """Return a problem as the one JSON document that programs read on standard error."""
    return written_json(
        {
            "schema": "refloat.error/1",
            "code": problem.code,
            "exit": int(problem.exit),
            "message": problem.message,
            "facts": problem.facts,
            "detail": problem.detail,
            "hint": problem.hint,
        }
    )


def _lines(printer: Printer, problem: Problem) -> Sequence[str]:
    lines = [f"{printer.style(say('error:'), 'error', sys.stderr)} {problem.message}"]
    lines += [f"  {fact}" for fact in problem.facts]
    if problem.hint:
        lines.append(f"  {printer.style(say('hint:'), 'hint', sys.stderr)} {problem.hint}")
    return lines
