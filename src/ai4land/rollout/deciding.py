"""The decision of a run: what is asked for, and constants found on its own path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ai4land.checkpoint import Card
from ai4land.cube import State
from ai4land.errors import ConfigError
from ai4land.rollout.decisions import Decision, Decisions, Faithful, Likely, Sampled
from ai4land.rollout.expectation import Progress, choose_odds
from ai4land.rollout.predictor_stepper import PredictorStepper
from ai4land.vocabulary import Direction

__all__ = ["Wish", "decided_on"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user says of a decision; ``None`` leaves it as the card has it.

    Attributes:
        odds: How many times likelier than no change a change must be; by default they are found on
            the path.
        balanced: Whether probabilities are first fitted to what the forcing asks for.
        seed: Of a sampled map.
    """

    odds: float | None = None
    balanced: bool | None = None
    seed: int = 0

    def on(self, decision: Decision) -> Decision:
        """A decision with the constants that are wished for.

        Raises:
            ConfigError: If odds are given to a decision that has none.
        """
        if isinstance(decision, Sampled):
            decision = replace(decision, seed=self.seed)
        if isinstance(decision, Faithful | Likely) and self.odds is not None:
            decision = replace(decision, forward=self.odds, backward=self.odds)
        elif self.odds is not None:
            raise ConfigError(
                f"The decision {decision.name!r} does not take changes by odds",
                found=f"odds of {self.odds}",
                expected=f"{Faithful.name} or {Likely.name}",
                remedy="leave the odds out, or choose one of these",
            )
        if self.balanced is not None and isinstance(decision, Faithful | Likely | Sampled):
            decision = replace(decision, balanced=self.balanced)
        return decision


def decided_on(
    stepper: PredictorStepper,
    initial: State,
    path: Sequence[int],
    card: Card,
    wish: Wish | None = None,
    progress: Progress | None = None,
) -> PredictorStepper:
    """A stepper with the decision that is wished for, and odds found on the path it will take.

    Args:
        stepper: Of ``open_model``.
        initial: Likewise.
        path: Times of the rollout, the initial one first.
        card: Likewise; it keeps by how much the model expects too much.
        wish: What the user says.
        progress: As of ``choose_odds``.
    """
    wish = wish or Wish()
    stepper = stepper.with_decision(wish.on(stepper.decision))
    if wish.odds is not None:
        return stepper
    direction = Direction.leading(path[0], path[-1])
    kept = Decisions.from_dict(card.decision)
    found, _ = choose_odds(
        stepper,
        initial,
        path[1:],
        margin=kept.margin(stepper.decision.name, direction.value),
        recurrence=kept.recurrence(direction.value),
        progress=progress,
    )
    return found
