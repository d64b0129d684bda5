"""The registry for another ASGI server: one process, configured by the environment."""

import os
import sys

from refloat.main import logs
from refloat.main.beginning import begin
from refloat.main.directory import claim
from refloat.main.opening import make_room_to_open
from refloat.main.ownership import make_for_owner_alone
from refloat.main.refusing import FAILED, StartRefused, complain, complain_of
from refloat.main.running import new_session, update
from refloat.main.worker import Worker
from refloat.settings import SettingsRefused, load


def application() -> Worker:
    """Claim the directory for this process and return the application. A refusal ends the process."""
    try:
        loaded = load(None, os.environ)
        logs.configure(loaded.settings)
        for notice in loaded.notices:
            logs.logger("serve").warning("%s", notice)
        make_for_owner_alone()
        claim(loaded.settings)  # held until the process ends: a second process is refused
        make_room_to_open(loaded.settings, new_session())
        update(loaded.settings)
        begin(loaded.settings)
    except SettingsRefused as refused:
        complain_of(refused.refusals)
        sys.exit(FAILED)
    except StartRefused as refused:
        complain(refused.sentence, refused.hint)
        sys.exit(refused.code)
    return Worker(loaded.settings, new_session())
