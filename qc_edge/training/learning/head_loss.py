"""What a head is punished for: cells that it misses, good ones that it marks, wrong pictures."""

from __future__ import annotations

from typing import Any

_MARKED = 0.35
"""A cell that is marked to that share is one of a defect."""

_HARD, _HARD_WEIGHT = 24, 0.5
"""The worst cells of what is good count so much more."""

_TOP = 4


def head_loss(plane: Any, marks: Any, bad: Any) -> Any:
    """Cells that are marked up, all that is not bad down, its worst ones most; and the picture."""
    import torch
    from torch.nn import functional

    known = ~torch.isnan(marks)
    share = torch.nan_to_num(marks)
    # The strongest mark counts even if it is smaller than a cell.
    highest = share.amax(dim=1, keepdim=True)
    up = known & (share > 0) & (share >= torch.minimum(highest, torch.tensor(_MARKED)))
    down = known & (share == 0)
    risen = functional.softplus(-plane)
    fallen = functional.softplus(plane)
    found = (risen * up).sum() / up.sum().clamp(min=1)
    found = found + (fallen * down).sum() / down.sum().clamp(min=1)
    worst = torch.where(down, fallen, torch.zeros_like(fallen))
    count = min(_HARD, plane.shape[1])
    found = found + _HARD_WEIGHT * worst.topk(count, dim=1).values.mean()
    top = plane.topk(min(_TOP, plane.shape[1]), dim=1).values.mean(dim=1)
    return found + functional.binary_cross_entropy_with_logits(top, bad)
