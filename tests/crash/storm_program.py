"""`heard` as a party of a storm: quicker to try again than in life, and its wall clock as far off as a file says.

    python storm_program.py work

STORM_PLANTED names a fault to be planted in it first, for the storm to find.
"""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from heard import limits

_QUICK = {
    "BACKOFF_CAP_S": 2.0,
    "PROBE_FIRST_S": 0.5,
    "PROBE_CAP_S": 1.0,
    "PROBE_HOLD_S": 2.0,
    "HELD_LOOK_S": 4.0,
    "PROBE_LEASE_S": 3.0,
    "POS_CALL_TIMEOUT_S": 4.0,
    "KIT_LEASE_S": 1.5,
    "KIT_LOOK_S": 0.2,
    "CALLBACK_CAP_S": 1.0,
    "STALLS_MAX": 200,  # in a storm, many attempts end in no step
    "RECOVER_S": 0.3,
}


def now() -> datetime:
    """This process's wall clock."""
    text = ""
    with suppress(OSError):
        text = Path(os.environ["STORM_CLOCK"]).read_text("ascii")
    return datetime.now(UTC) + timedelta(seconds=float(text or 0))


if __name__ == "__main__":
    for name, value in _QUICK.items():
        assert hasattr(limits, name), name
        setattr(limits, name, value)
    from storm_planted import PLANTED

    from heard.cli import main  # now that the limits are others
    from heard.pos.kit import PosApp

    PosApp.__init__.__defaults__ = (now,)  # type: ignore[misc]
    if os.environ.get("STORM_PLANTED"):
        PLANTED[os.environ["STORM_PLANTED"]]()
    sys.argv[0] = "heard"
    main()
