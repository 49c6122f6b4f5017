"""A licence that lets the collection be used and passed on: adapters are derivatives and inherit it."""

from __future__ import annotations

from locoman.evaluation.selection.check import Check, Wishes
from locoman.evaluation.selection.subject import Subject


def licence(subject: Subject, wishes: Wishes) -> Check:
    """A permissive one, as the standard base of everybody needs; for a named use, one that permits that use."""
    terms = subject.terms
    if terms is None:
        return Check("licence", "unknown", f"what {subject.licence or 'its licence'} permits is not recorded here")
    attached = "; ".join(terms.strings)
    if not terms.derivatives:
        return Check("licence", "failed", f"{subject.licence} forbids derivatives, and an adapter is one")
    if wishes.use is None:
        if terms.permissive:
            return Check("licence", "passed", f"{subject.licence} is permissive")
        return Check("licence", "failed", f"{subject.licence} is not permissive: {attached}")
    if wishes.use not in terms.uses:
        return Check("licence", "failed", f"{subject.licence} does not permit {wishes.use} use: {attached}")
    duties = f", with strings attached: {attached}" if attached else ""
    return Check("licence", "passed", f"{subject.licence} permits {wishes.use} use{duties}")
