"""A trial of a webhook without a station: one message of no part."""

from __future__ import annotations

import json
import time

from qc_edge.output.webhook.message import FORMAT
from qc_edge.output.webhook.post import Poster
from qc_edge.settings.outside.outputs.webhook import WebhookSettings


def post_trial(settings: WebhookSettings, station: str) -> str:
    """Send it once; what the server says, in words. Raises OutputError where it does not take it.

    The message has a key of its own each time and the field `test`.
    """
    key = f"{station}/test-{time.time_ns()}"
    body = {"format": FORMAT, "key": key, "test": True, "station": station}
    answer = Poster(settings, lambda: False).post(key, json.dumps(body).encode("ascii"))
    return f"{settings.url} has taken it: {answer}"
