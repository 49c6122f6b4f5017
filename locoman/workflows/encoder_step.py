"""The router's encoder as a part of an installation: whether it comes along, from where, and what if it cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from locoman.errors import LocomanError
from locoman.progress import Stages
from locoman.store.home import Home
from locoman.store.transaction import Transaction
from locoman.workflows.router.encoder import EncoderPlan, fetched_encoder, plan_encoder, publish_encoder

EncoderWish = Literal["yes", "no", "auto"]
"""Asked for, declined, or left to us."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """The encoder while an installation is carried out: fetched, or `missed` for the reason given, or not wanted."""

    plan: EncoderPlan
    fetched: Path | None = None
    missed: str = ""

    @property
    def here(self) -> bool:
        """Whether it came."""
        return self.fetched is not None

    def publish(self, tx: Transaction) -> None:
        """Puts it where routers find it. Raises StoreError."""
        if self.fetched is not None:
            publish_encoder(tx, self.fetched, self.plan)


@dataclass(frozen=True, slots=True)
class EncoderStep:
    """The encoder in a plan: "keep" one that is installed, "bring" it, or "leave" it. `asked`: an installation without it
    has failed."""

    action: Literal["keep", "bring", "leave"]
    plan: EncoderPlan
    asked: bool

    @property
    def disk_bytes(self) -> int:
        """What it takes while it is fetched: its files, and what they come in."""
        return 2 * self.plan.bytes if self.action == "bring" else 0

    @property
    def download_bytes(self) -> int:
        """What comes over the network, from the first source that is tried."""
        return self.plan.download_bytes if self.action == "bring" else 0

    @contextmanager
    def brought(self, home: Home, stages: Stages) -> Iterator[Encoder]:
        """Fetches it where the plan says so. Raises NoSource, StoreError if it was asked for and cannot be had."""
        with ExitStack() as held:
            found = Encoder(self.plan)
            if self.action == "bring":
                try:
                    found = Encoder(self.plan, held.enter_context(fetched_encoder(home, self.plan, stages)))
                except LocomanError as error:
                    if self.asked:
                        raise
                    found = Encoder(self.plan, missed=str(error))
            yield found


def plan_encoder_step(home: Home, wish: EncoderWish, *, downloaded: bool, room: int) -> EncoderStep:
    """What becomes of the encoder. Left to us, it comes along where the base is `downloaded` too: 34 MB are little beside
    it, and there is a network. It is never in the way: without `room` (bytes) for it, it stays away.

    Raises NotEnoughDisk where it was asked for.
    """
    try:
        plan = plan_encoder(home)
    except LocomanError:
        if wish == "yes":
            raise
        return EncoderStep("leave", EncoderPlan(home.encoders, ()), asked=False)
    if not plan.sources:
        return EncoderStep("keep", plan, asked=False)
    wanted = wish == "yes" or (wish == "auto" and downloaded and room >= 2 * plan.bytes)
    return EncoderStep("bring" if wanted else "leave", plan, asked=wish == "yes")
