"""What the router of a base knows, for people and programs to look at."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from locoman.routing.encoder.files import NAME
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, load_registry
from locoman.workflows.collection import answering_packages, router_file
from locoman.workflows.router.arbitration import read_measured
from locoman.workflows.router.encoder_session import encoder_state
from locoman.workflows.router.feedback import read_feedback
from locoman.workflows.router.installed_encoder import Say, nobody_hears
from locoman.workflows.router.lessons import gather
from locoman.workflows.router.oddities import idle_wishes, shared_phrases
from locoman.workflows.router.ready import usable_model
from locoman.workflows.router.wishes import read_wishes

LANGUAGES = "English; other languages in Latin letters less surely; other scripts go by words alone"


def look(home: Home, base: InstalledBase, say: Say = nobody_hears) -> dict[str, Any]:
    """The document of `router show`. A router that cannot be used is fitted again, and `say` hears that.

    Raises InvalidFile, StoreError.
    """
    model, base = usable_model(home, base, say)
    path = router_file(home, base)
    learnt = model.learnt
    registry = load_registry(home.registry)
    lessons = gather(home, answering_packages(home, registry, base))
    scorer = None if learnt is None else learnt.meaning.scorer if learnt.meaning else learnt.lexical
    counts = dict(zip(learnt.names, _counts(learnt), strict=False)) if learnt else {}
    measured = read_measured(home).get(base.sha256)
    meaning = learnt is not None and learnt.meaning is not None
    state = encoder_state(home)
    used = "in use" if meaning else "not used (locoman router fit)"
    lacking = "fitted, but missing here" if meaning else "not installed"
    damaged = "damaged, so words alone decide (locoman router encoder install)"
    status = path.stat()
    return {
        "base": base.name,
        "fitted": datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "bytes": status.st_size,
        "encoder": {
            "name": NAME,
            "installed": state == "sound",
            "state": {"sound": used, "absent": lacking, "damaged": damaged}[state],
            "languages": LANGUAGES,
        },
        "threshold": None if scorer is None else round(scorer.threshold, 3),
        "wrong_cost": model.wrong_cost,
        "arbiter": "never measured" if measured is None else "on" if measured.helps else "off",
        "remarks": len(read_feedback(home)),
        "adapters": [
            {
                "adapter": rule.name,
                "examples": counts.get(rule.name, 0),
                "not_mine": next((len(a.not_mine) for a in lessons.adapters if a.name == rule.name), 0),
                "minimum_confidence": rule.minimum_confidence,
                "keywords": list(rule.keywords),
            }
            for rule in model.adapters
        ],
        "nobodys": _counts(learnt)[-1] if learnt else 0,
        "conflicts": [conflict.document() for conflict in (learnt.conflicts if learnt else ())],
        "notes": [
            *idle_wishes(read_wishes(home), registry.names()),
            *shared_phrases(lessons.adapters),
            *(keyword.sentence for keyword in lessons.powerless),
        ],
    }


def _counts(learnt: Any) -> list[int]:
    starts = learnt.lexical.owners.starts.tolist()
    return [after - before for before, after in itertools.pairwise(starts)]
