"""Runs in cpppo's environment, not in ours: a controller with two tags, PORT TO_LINE FROM_LINE.

Reads lines of JSON: {"say": [words]} is what its program writes; each is answered by what the
station has written so far, and where each of its writes began and how many words it had.
"""

import json
import logging
import sys
import threading

from cpppo.server.enip import device
from cpppo.server.enip.main import main, tags

WRITES: list[list[int]] = []


class Watched(device.Attribute):  # type: ignore[misc]
    """A tag that remembers how it was written."""

    def __setitem__(self, key: slice, value: list[int]) -> None:
        if self.name == TO_LINE.partition("=")[0]:
            WRITES.append([key.start, key.stop - key.start])
        super().__setitem__(key, value)


port, TO_LINE, FROM_LINE = sys.argv[1:]
answers, sys.stdout = sys.stdout, sys.stderr
logging.disable(logging.ERROR)
arguments = ["--no-config", "--no-udp", "--address", f"127.0.0.1:{port}", TO_LINE, FROM_LINE]
threading.Thread(
    target=main, kwargs={"argv": arguments, "attribute_class": Watched}, daemon=True
).start()
for line in sys.stdin:
    asked = json.loads(line)
    if said := asked.get("say"):
        dict.__getitem__(tags, FROM_LINE.partition("=")[0]).attribute.value[:] = said
    words = list(dict.__getitem__(tags, TO_LINE.partition("=")[0]).attribute.value)
    answers.write(json.dumps({"words": words, "writes": WRITES}) + "\n")
    answers.flush()
