"""Runs programs that nobody trusts."""

from locoman.scoring.sandbox.box import Limits, Outcome, Sandbox

__all__ = ["Limits", "Outcome", "Sandbox"]
