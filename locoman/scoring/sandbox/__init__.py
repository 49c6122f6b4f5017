"""Runs programs that nobody trusts."""

from locoman.scoring.sandbox.box import Limits, Outcome, Sandbox
from locoman.scoring.sandbox.finding import open_sandbox

__all__ = ["Limits", "Outcome", "Sandbox", "open_sandbox"]
