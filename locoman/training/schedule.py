"""The learning rate over the steps of a training."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "linear", "constant"]


def rate_factor(schedule: Schedule, step: int, steps: int, warmup: float) -> float:
    """What the learning rate is multiplied by at `step` (from 0) of `steps`; `warmup` is a share of the steps.

    Rises linearly over the warm-up, then follows the schedule down to 0 (`constant` stays at 1).
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if schedule == "linear":
        return 1 - done
    return 1.0
