"""What is minimised: the terms of the loss and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["LossOptions"]

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_TERMS = ("cross_entropy", "focal", "dice", "lovasz", "location", "forcing")
_PIXELWISE = ("cross_entropy", "focal")


class LossOptions(BaseModel):
    """A sum of terms, each by its weight; if none is named, the cross-entropy alone.

    Cross-entropy and focal loss say of each pixel how probable its truth was. They, smoothing and
    the weight of changed pixels bias probabilities in a way that is known, and predictions are
    freed of it exactly. The other terms have no such inverse: probabilities of a network
    trained with them need a scaling fitted on validation.

    Attributes:
        cross_entropy: Weight of the cross-entropy.
        focal: Weight of the focal loss, which lessens what is nearly certain.
        dice: Weight of the Dice loss: classes count alike, however rare.
        lovasz: Weight of the Lovász-softmax loss, which stands for the mean IoU.
        location: Weight of the location-tolerant change: a change a little beside its place is
            better than none.
        forcing: Weight of the consistency with what the forcing asks of a coarse cell; needs
            forcing made of the classes.
        gamma: Exponent of the focal loss.
        smoothing: Share of the truth that is spread over all classes in the pixelwise terms.
        blur: Standard deviation in pixels of the location-tolerant change's Gaussian.
        numbers: What a number is off by counts squared, absolute, or squared up to one spread and
            absolute beyond (``huber``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cross_entropy: Weight = 0.0
    focal: Weight = 0.0
    dice: Weight = 0.0
    lovasz: Weight = 0.0
    location: Weight = 0.0
    forcing: Weight = 0.0
    gamma: Weight = 2.0
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    blur: Annotated[float, Field(gt=0, le=32)] = 2.0
    numbers: Literal["squared", "absolute", "huber"] = "squared"

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, Mapping) and not any(term in data for term in _TERMS):
            return {**data, "cross_entropy": 1.0}
        return data

    @model_validator(mode="after")
    def _check(self) -> LossOptions:
        if not any(getattr(self, term) for term in _TERMS):
            raise ValueError(f"a loss needs a weight above 0 on one of {', '.join(_TERMS)}")
        if self.smoothing and not any(getattr(self, term) for term in _PIXELWISE):
            raise ValueError(f"smoothing needs one of {', '.join(_PIXELWISE)}")
        return self

    @property
    def calibrated(self) -> bool:
        """Whether predictions are probabilities without any scaling fitted afterwards."""
        return all(not getattr(self, term) for term in _TERMS if term not in _PIXELWISE)

    def bias(self, changed_weight: float = 0.0) -> dict[str, float]:
        """What it adds to the probabilities of a network, as an option of the network's.

        Args:
            changed_weight: What a changed pixel counts more.
        """
        pixelwise = bool(self.cross_entropy or self.focal)
        focal = self.focal if self.gamma else 0.0  # without an exponent it is the cross-entropy
        return {
            "changed_weight": changed_weight if pixelwise else 0.0,
            "cross_entropy": self.cross_entropy if focal else 1.0,
            "focal": focal,
            "gamma": self.gamma if focal else 0.0,
            "smoothing": self.smoothing,
        }
