"""Write docs/reference/webhook.md, what a webhook says of a part: part of `docs/generate.py`."""

from __future__ import annotations

from dataclasses import fields

from qc_edge.output.webhook.message import FORMAT, PartMessage

HEAD = """\
# What a webhook says of a part

Generated from `qc_edge/output/webhook/message.py` by `python docs/generate.py`; [plc.md](../plc.md#webhook) says how it is sent. One
JSON object, ASCII. New fields may come; a field that means something else gets another name, or the format another number.

| field | meaning |
|---|---|
"""

MEANINGS = {
    "station": "The station's name.",
    "part_id": "The part's id: brought, given by the line, or counted.",
    "part_source": "Where that came from, as in the log.",
    "lot": "The batch; null: none.",
    "frame_id": "Of the part's first frame, as in the log (`attempt_id` of a part of several views).",
    "captured_at": "The exposure, UTC.",
    "recorded_at": "When its row was made, UTC.",
    "recipe": "The recipe in force; null: none.",
    "disposition": "ACCEPT, REJECT or HOLD, as the outputs were told. A line may have got HOLD instead, by its own deadline or for a doubtful trigger: `told` has that.",
    "reason": "Why, as a stable code: [reasons.md](reasons.md).",
    "detail": "The same in words, for a person.",
    "score": "Of the model, 0 to 1, higher is worse; of the worst view; null: none.",
    "is_replayed": "From the log, after a restart or a long outage: what its row says, but HOLD if it was too late for the line (`late`), and HOLD instead of ACCEPT where the station was killed before anybody can know that the line was told (`recovered`).",
}


def webhook_message() -> str:
    """docs/reference/webhook.md."""
    rows = [
        f"| `format` | `{FORMAT}` |\n",
        "| `key` | STATION/FRAME: the same whenever this part is told, and in the header `Idempotency-Key`. |\n",
        *(f"| `{field.name}` | {MEANINGS[field.name]} |\n" for field in fields(PartMessage)),
    ]
    return HEAD + "".join(rows)
