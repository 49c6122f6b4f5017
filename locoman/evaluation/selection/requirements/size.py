"""Under 3 GB quantized."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import BITS_PER_WEIGHT, Subject
from locoman.sizes import megabytes

LARGEST_BYTES = 3_000_000_000
MARGIN = 0.15  # a reckoned size decides only outside this share around the bound


def size(subject: Subject, wishes: Wishes) -> Check:
    """By the size of the file; where nobody tells it, by the parameters, unless that is too close to say."""
    if subject.size is None:
        return Check("size", "unknown", "neither its size nor its parameters are known")
    bound = megabytes(LARGEST_BYTES)
    if subject.size_told:
        told = f"{megabytes(subject.size)} as {subject.quantization}"
        if subject.size < LARGEST_BYTES:
            return Check("size", "passed", f"{told}, under {bound}")
        return Check("size", "failed", f"{told}, not under {bound}")
    about = f"about {megabytes(subject.size)}, reckoned with {BITS_PER_WEIGHT:g} bits a weight"
    if abs(subject.size / LARGEST_BYTES - 1) <= MARGIN:
        return Check("size", "unknown", f"{about}: too close to {bound} to say")
    if subject.size < LARGEST_BYTES:
        return Check("size", "passed", f"{about}, under {bound}")
    return Check("size", "failed", f"{about}, not under {bound}")
