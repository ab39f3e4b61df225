"""The review queue: what a person should look at next and why, who is at it, what it tells.

`ReviewQueue` is made once and asked often; what a person then says is written by `qc_edge.labels`.
"""

from qc_edge.review.item import ReviewItem
from qc_edge.review.queue import ReviewQueue

__all__ = ["ReviewItem", "ReviewQueue"]
