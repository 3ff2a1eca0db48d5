"""Dropped drivers: whole variables missing from a sample, so that a model learns without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import ConfigError
from ai4land.samples.corruption.transform import Subject, Transform
from ai4land.samples.sample import Sample

__all__ = ["Drop"]


class Drop(Transform):
    """Leaves variables out of a sample, all together: NaN, or an unknown zone.

    Earlier maps are left out by ``samples.history_drop``.

    Attributes:
        variables: Forcing, static and lagged variables of the experiment.
    """

    name: Literal["drop"] = "drop"
    variables: Annotated[tuple[str, ...], Field(min_length=1)]

    def apply(
        self, sample: Sample, subject: Subject, rng: np.random.Generator, progress: float
    ) -> Sample:
        """The sample without the variables, at all its times."""
        spec = subject.spec
        zones = [name for name, _ in spec.zones]
        series = [name.partition(" ")[0] for name in spec.series_channels]
        known = {n.partition("/")[0] for n in (*spec.forcing, *spec.static, *series)} | {*zones}
        if unknown := set(self.variables) - known:
            raise ConfigError(
                "A variable that is to be dropped is no input",
                where="samples.corruption, drop",
                expected=", ".join(sorted(known)),
                found=", ".join(sorted(unknown)),
            )
        left = {
            "forcing": self._blank(sample.forcing, spec.forcing, np.nan),
            "static": self._blank(sample.static, spec.static, np.nan),
            "series": self._blank(sample.series, series, np.nan),
            "zones": self._blank(sample.zones, zones, 0),
        }
        return sample.map(lambda name, values: left.get(name, values))

    def _blank(
        self, values: npt.NDArray[np.generic], names: Sequence[str], missing: float
    ) -> npt.NDArray[np.generic]:
        """Layers ``(n, C, y, x)`` with those of the variables missing."""
        gone = [i for i, name in enumerate(names) if name.partition("/")[0] in self.variables]
        if not gone:
            return values
        out = values.copy()
        out[:, gone] = missing
        return out
