"""What the log looks like where a program reads it: one JSON object a line, whoever said it."""

import json
import subprocess
import sys

_SAYS = """
import asyncio, logging, structlog
from heard.cli.running import set_up_log
set_up_log('info')
log = structlog.get_logger()
log.info('taken', order_id='ord_1')
log.debug('not asked for')
logging.getLogger('a.library').warning('it is %s', 'slow')
logging.getLogger('a.library').info('not asked for')
try:
    1 / 0
except ZeroDivisionError:
    log.exception('a fault of ours')
    logging.getLogger('a.library').exception('a fault of theirs')
"""


def test_every_line_is_json_also_what_a_library_says() -> None:
    said = subprocess.run([sys.executable, "-c", _SAYS], capture_output=True, check=True, timeout=60)
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("taken", "info"),
        ("it is slow", "warning"),
        ("a fault of ours", "error"),
        ("a fault of theirs", "error"),
    ]
    assert lines[0]["order_id"] == "ord_1"
    assert [line.get("logger") for line in lines] == [None, "a.library", None, "a.library"]
    assert all("ZeroDivisionError" in line["exception"] for line in lines[2:])
    assert all(line["timestamp"].endswith("Z") for line in lines)
