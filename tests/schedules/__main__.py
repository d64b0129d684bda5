"""Repeat one schedule: `python -m tests.schedules STORY CHOICES`, with what a note of the proof tells."""

import random
import sys
import tempfile
from pathlib import Path

from tests.schedules.proof import Trials, diced
from tests.schedules.search import Recorded
from tests.schedules.stories import STORIES
from tools.proof.part import Outcome


def main() -> int:
    """Try it once, and print its steps and what was found."""
    name, choices = sys.argv[1], [int(choice) for choice in sys.argv[2]]
    named = {story.name: story for story in STORIES}
    story = named.get(name) or diced(random.Random(name))
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as place:
        trials = Trials(Path(place), outcome)
        trials.attempt(story, Recorded(choices), lambda: f"choices {sys.argv[2]}")
        trials.close()
    print(story, trials.last_steps, *(outcome.notes or ["nothing was found"]), sep="\n")
    return 1 if outcome.is_red else 0


if __name__ == "__main__":
    sys.exit(main())
