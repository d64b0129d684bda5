"""Who is next among the work that waits to be written.

One transaction holds up everybody else's, so it has a bound: in jobs, in the rows they are expected to write, and
(in `batches`) in time.
"""

from collections.abc import Sequence

from refloat.metadata.batches import Job

MOST_AT_ONCE = 64  # jobs
ROWS_AT_ONCE = 2000  # some hundredths of a second
MOST_PASSED = 8  # times that others go before a job


class Waiting:
    """Work in the order it came in."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def add(self, job: Job) -> None:
        """Let a job wait behind the others."""
        self._jobs.append(job)

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Let jobs that were taken and had no turn go before the others."""
        self._jobs[:0] = jobs

    def take(self) -> list[Job]:
        """Return the first job and those behind it that may share its transaction; they wait no longer."""
        count, rows = 0, 0
        for job in self._jobs[:MOST_AT_ONCE]:
            rows += job.rows
            if count and rows > ROWS_AT_ONCE:
                break
            count += 1
        taken, self._jobs = self._jobs[:count], self._jobs[count:]
        return taken


class CheapestFirst(Waiting):
    """Work in the order of the rows it is expected to write, but nothing is passed over for ever."""

    def take(self) -> list[Job]:
        self._jobs.sort(key=_urgency)
        taken = super().take()
        for job in self._jobs:
            job.passed += 1
        return taken


def _urgency(job: Job) -> tuple[bool, int]:
    is_aged = job.passed >= MOST_PASSED
    return not is_aged, 0 if is_aged else job.rows
