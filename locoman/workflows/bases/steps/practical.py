"""Step 5: the practical test on this machine."""

from __future__ import annotations

from locoman.evaluation.practical.conversation import hold_conversation
from locoman.evaluation.practical.latency import measure_latency
from locoman.evaluation.practical.repeating import repeat_answers
from locoman.evaluation.selection.evidence import Practical
from locoman.progress import Stages
from locoman.workflows.bases.ollama_trial import try_in_ollama
from locoman.workflows.bases.options import Options
from locoman.workflows.bases.trial import Trial


def use(trial: Trial, ollama_url: str, options: Options, stages: Stages) -> Practical:
    """Times first, then one long conversation, the same questions again, and Ollama. Raises EngineError."""
    latency = measure_latency(trial.engine, stages(f"{trial.spec.ref}: times"))
    conversation = hold_conversation(trial.engine, options.turns, stages(f"{trial.spec.ref}: a long conversation"))
    repeat = repeat_answers(trial.engine, stages(f"{trial.spec.ref}: the same again"))
    resident = trial.engine.resident()
    launcher = next((base.launcher for base in resident.bases if base.launcher), resident.engine) if resident else ""
    return Practical(
        launcher=launcher,
        load_ms=latency.load_ms,
        ttft_ms=latency.ttft_ms,
        tokens_per_second=latency.tokens_per_second,
        conversation=conversation,
        repeat=repeat,
        ollama=try_in_ollama(ollama_url, trial, stages),
    )
