"""Gradient-boosted trees as a predictor: they correct a Markov chain from what lies around."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import CheckpointError
from ai4land.models.class_options import class_options, class_target
from ai4land.models.inputs import InputSpec
from ai4land.models.markov import Markov
from ai4land.models.markov import load_predictor as load_chain
from ai4land.models.pixelwise import PixelOptions, PixelRows, PixelView, Pixelwise
from ai4land.models.predictor import Untrained
from ai4land.models.stack import mean_of
from ai4land.models.trees.library import xgboost

__all__ = ["Boosting", "BoostingOptions", "build", "combine", "load_predictor", "reached"]

FloatArray = npt.NDArray[np.float32]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]

FILE = "trees.ubj"


class BoostingOptions(PixelOptions):
    """Options of the trees, beside those of ``PixelOptions``.

    Attributes:
        rounds: Rounds at most; each adds a tree a class.
        patience: Rounds without a lower log loss on the validation split after which to stop.
        depth: Depth of the trees.
        rate: Share of each round's correction that is taken.
        least: Weight of pixels, by their curvature, that a leaf holds at least.
        penalty: Quadratic penalty on the leaves.
        features: Share of the features that each tree may use.
        bins: Bins of each feature.
        external: Whether binned pixels are kept on disk in training, not in memory.
        threads: Threads that learn and predict; 0 is all there are.
    """

    name: Literal["boosting"] = "boosting"
    pixels: Positive = 500_000
    rounds: Positive = 300
    patience: Positive = 20
    depth: Annotated[int, Field(ge=1, le=12)] = 6
    rate: Share = 0.2
    least: Annotated[float, Field(ge=0.0)] = 20.0
    penalty: Annotated[float, Field(ge=0.0)] = 5.0
    features: Share = 0.5
    bins: Annotated[int, Field(ge=2, le=1024)] = 64
    external: bool = False
    threads: Annotated[int, Field(ge=0)] = 1


class Boosting(Pixelwise):
    """Log odds of the Markov chain, plus what the trees add.

    Args:
        view: Makes rows of pixels.
        booster: ``xgboost.Booster`` of the classes ``reached``, in their order.
        options: Options.
    """

    def __init__(
        self,
        view: PixelView,
        booster: Any,  # noqa: ANN401
        options: BoostingOptions | None = None,
    ) -> None:
        options = options or BoostingOptions()
        super().__init__(view, options)
        self.booster = booster
        self.booster.set_param({"nthread": options.threads, "device": "cpu"})

    def save(self, folder: Path) -> None:
        """Write the trees in XGBoost's own format, and the chain."""
        self.view.chain.save(folder)
        (folder / FILE).write_bytes(bytes(self.booster.save_raw("ubj")))

    def probabilities(self, rows: PixelRows) -> FloatArray:
        """Class probabilities ``(N, K)`` of pixels; 0 for classes that nothing ever became."""
        classes = reached(self.view)
        found = np.zeros_like(rows.start)
        found[:, classes] = self.booster.inplace_predict(
            rows.features, base_margin=rows.start[:, classes], validate_features=False
        )
        return found


def reached(view: PixelView) -> npt.NDArray[np.intp]:
    """Positions of the classes that some pixel had after a step, of which there are two or more."""
    size = view.target.layers
    tables = list(view.chain.counts.values())
    total = np.sum(tables, axis=(0, 1)) if tables else np.zeros(size)
    (found,) = np.nonzero(total > 0)
    return found if len(found) > 1 else np.arange(size)


def build(architecture: Mapping[str, Any], spec: InputSpec) -> Untrained:
    """What the trees would be: at most so many leaves.

    Raises:
        ConfigError: If an option is unknown or impossible, there is no map of classes, or the
            library is not installed.
    """
    options = class_options(BoostingOptions, architecture)
    size = class_target(spec, "boosting").layers
    options.view(Markov(spec, {}))
    xgboost()
    return Untrained(1, options.rounds * size * 2**options.depth)


combine = mean_of


def load_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> Boosting:
    """Load what ``Boosting.save`` wrote.

    Raises:
        ConfigError: If an option is unknown or impossible, or the library is not installed.
        CheckpointError: If the trees are damaged or of other features.
    """
    options = class_options(BoostingOptions, architecture)
    view = options.view(load_chain({"name": "markov"}, spec, folder))
    library, file = xgboost(), folder / FILE
    try:
        booster = library.Booster()
        booster.load_model(bytearray(file.read_bytes()))
    except (OSError, library.core.XGBoostError) as error:
        raise CheckpointError("The trees are damaged", where=file, found=error) from error
    if booster.num_features() != len(view.names):
        raise CheckpointError(
            "The trees do not fit the features",
            where=file,
            expected=f"{len(view.names)} features",
            found=booster.num_features(),
        )
    return Boosting(view, booster, options)
