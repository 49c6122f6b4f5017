"""What the rooms promise each other: values that travel between them and the Protocols at the seams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from locoman.names import AUTO, AdapterRef, BaseRef, ModelName
from locoman.progress import Progress

# --- a question and its answer -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn; None leaves the base spec's default in force."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    min_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A conversation to be continued by a model; the last message is the question.

    `serial` asks an engine that answers several at a time to be alone in it and to reuse nothing, so that the answer does
    not depend, not even by rounding, on what else was asked. `whole` says that nobody reads along: the text may come in one
    piece.
    """

    messages: tuple[Message, ...]
    model: ModelName = AUTO
    sampling: Sampling = field(default_factory=Sampling)
    serial: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An adapter that might answer (None = the plain base) and the probability that it should."""

    adapter: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Refused:
    """An adapter that would have answered, had its `probability` been `demanded`; `by` says who demands that."""

    adapter: str
    probability: float
    demanded: float
    by: Literal["minimum_confidence", "wrong_cost"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The router's word: who answers (None = the plain base), which stage said so, and the adapter that was `refused`.

    `confidence` is the probability that the question belongs to who answers. Where an adapter was refused it is the base's own,
    which may be small: nobody thinks that the base is likelier, only that the adapter is not likely enough.

    `notice`: what a person should hear of the router, e.g. that its encoder is missing.
    """

    adapter: str | None
    confidence: float
    stage: str
    candidates: tuple[Candidate, ...] = ()
    route_ms: float = 0.0
    refused: Refused | None = None
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """Who answers: sent once, ahead of the text. `prompt_only` marks an adapter without weights; `notice` as in Decision."""

    adapter: str | None
    base: str
    engine: str
    confidence: float
    stage: str
    prompt_only: bool = False
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of routing, of loading the model for this request, to the first token and in all; decoding speed."""

    route_ms: float = 0.0
    load_ms: float = 0.0
    ttft_ms: float = 0.0
    total_ms: float = 0.0
    tokens_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; `cached_tokens` of the prompt's tokens needed no evaluation."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. The first carries `served`; the last carries `finish`, `timing` and `usage`."""

    text: str = ""
    served: Served | None = None
    finish: Literal["stop", "length"] | None = None
    timing: Timing | None = None
    usage: Usage | None = None


# --- engines and routing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResidentBase:
    """A base in memory with the adapters loaded beside it; `bytes` is the resident size of the process that holds them.

    `launcher` is the way in which that process was started, "" if there is but one; `refused` says why the ways before it
    could not be taken.
    """

    name: str
    adapters: tuple[str, ...]
    bytes: int
    launcher: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """How busy an engine is: requests now and since it began, conversations whose KV it keeps, of the last answer the speed."""

    answering: int = 0
    waiting: int = 0
    slots: int = 0
    owned: int = 0
    requests: int = 0
    tokens_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Residency:
    """What an engine holds in memory; `since` and `idle_until` are seconds since the epoch."""

    engine: str
    address: str
    since: float
    idle_until: float | None
    bases: tuple[ResidentBase, ...]
    load: Load = field(default_factory=Load)


class Engine(Protocol):
    """Something that answers."""

    def chat(self, request: Request) -> Iterator[Chunk]:
        """Streams the answer; closing the iterator cancels. Raises EngineError, UnknownName."""
        ...

    def choose(self, request: Request, options: Sequence[str]) -> Sequence[float]:
        """How probable each option is as the answer, among the options: numbers from 0 to 1 in the order of `options`.

        The weight of an option is the probability, at temperature 1, that the model's answer begins with the tokens of
        this option and not with those of a longer one ("1" does not count what goes on to "12"). The weights are
        divided by their sum, so that the result adds up to 1; it is all 0 if no option has a weight that can be told.
        The request's sampling has no say in it.

        Raises what `chat` raises, and RequestRefused (400) for options that are empty, repeated, too many or too long.
        """
        ...

    def resident(self) -> Residency | None:
        """What is in memory now; None when nothing runs."""
        ...


@runtime_checkable
class Likelihoods(Protocol):
    """An engine that tells exactly how probable a text is."""

    def loglikelihood(
        self, model: ModelName, context: str, continuations: Sequence[str], *, serial: bool = False
    ) -> Sequence[float]:
        """How probable each continuation of `context` is: the sum of the natural logarithms of its tokens.

        The context goes to the model as it is, without a chat template or prompt settings.

        A text is split into context and continuation as lm-evaluation-harness does (`TemplateLM._encode_pair`): white
        space at the end of the context belongs to the continuation, whose tokens are those that the whole text has more
        than the context. An empty context is the token that begins a text. `serial`: nothing known is reused.

        Raises EngineError, UnknownName; UsageError for a model that is to be routed.
        """
        ...


class Decider(Protocol):
    """Something that says which adapter should answer."""

    def decide(self, question: str, history: Sequence[Message] = ()) -> Decision:
        """Always answers; with no idea the decision's adapter is None. `history` are the turns before the question."""
        ...


# --- what an engine serves ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServedAdapter:
    """An adapter as an engine needs it: its GGUF (None = prompt-only) and its prompt settings."""

    name: str
    version: str
    gguf: Path | None
    scale: float = 1.0
    system: str = ""
    repeat_question: bool = False


@dataclass(frozen=True, slots=True)
class ServedBase:
    """A base as an engine needs it: the GGUF, the jinja chat template's text, stop strings, context in tokens, defaults.

    `memory`: bytes it takes while it answers, adapters not counted; 0 where that is not known.
    """

    name: str
    gguf: Path
    chat_template: str
    stop: tuple[str, ...]
    context: int
    defaults: Sampling
    adapters: tuple[ServedAdapter, ...] = ()
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Lineup:
    """What an engine serves on one base at one time. `others` are the bases that can be asked by their name beside this one.
    `elsewhere` names adapters that answer on another base, which this one has no version of, with that base; the decider
    knows them too."""

    base: ServedBase
    decider: Decider
    others: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)


class LineupSource(Protocol):
    """Hands the host what it serves; asked before each request, so it must be cheap when nothing changed."""

    def current(self, base: str | None = None) -> Lineup:
        """The lineup of the named base; None: of the one in use. Raises NothingInstalled, UnknownName, StoreError,
        InvalidFile."""
        ...


# --- scoring -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """What an answer is held against: the question, all `accepted` answers, and for some scorers the choices that were offered
    (in order), the tests that code must pass, or what a judge should look at."""

    accepted: tuple[str, ...] = ()
    question: str = ""
    choices: tuple[str, ...] = ()
    tests: str = ""
    rubric: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How right an answer is, from 0.0 (wrong) to 1.0 (right); further figures of the same answer; `note` says why."""

    value: float
    metrics: tuple[tuple[str, float], ...] = ()
    note: str = ""


class Scorer(Protocol):
    """Says how right an answer is."""

    def score(self, answer: str, target: Target) -> Score:
        """The best over the accepted answers. Raises ScorerFailed when it cannot tell (its judge is lost, its sandbox gone)."""
        ...


# --- where adapters come from ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """An adapter package that a source has.

    `ref` has a version; `bytes` are to be fetched, `disk_bytes` those of the package's files; `key` is how its source
    finds it again.
    """

    ref: AdapterRef
    base: BaseRef
    domain: str
    kind: str
    description: str
    licence: str
    bytes: int
    disk_bytes: int
    source: str
    key: str


class Source(Protocol):
    """A place that adapter packages come from. Nothing that it says is trusted."""

    @property
    def name(self) -> str:
        """As it is shown, and as it can be typed behind `--from`."""
        ...

    def listings(self) -> Sequence[Listing]:
        """What it has, in any order. Raises LocomanError when it cannot be asked or is broken."""
        ...

    def fetch(self, listing: Listing, progress: Progress) -> None:
        """Brings to this machine what is not on it yet. May take long, and goes on where it stopped. Raises LocomanError."""
        ...

    def unpack(self, listing: Listing, folder: Path) -> None:
        """Puts the fetched package, verified, into the new folder `folder`. Raises LocomanError."""
        ...

    def forget(self, listing: Listing) -> None:
        """The package is installed: what was fetched of it is needed no more."""
        ...
