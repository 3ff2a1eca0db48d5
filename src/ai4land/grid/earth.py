"""Earth models: the one place where degrees become square metres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SPHERE", "WGS84", "Earth"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Earth:
    """An ellipsoid of revolution.

    Attributes:
        name: How attributes and tables call it.
        semi_major: Equatorial radius in m.
        flattening: (a − b) / a; 0 for a sphere.
    """

    name: str
    semi_major: float
    flattening: float

    def zone_area(self, latitude: FloatArray) -> FloatArray:
        """Area between the equator and a latitude, per radian of longitude, in m² (signed).

        Closed form for the ellipsoid (Snyder 1987, Map Projections, USGS PP 1395, eq. 3-12).

        Args:
            latitude: Degrees north, any shape.
        """
        sine = np.sin(np.radians(np.asarray(latitude, dtype=np.float64)))
        if self.flattening == 0.0:
            return np.asarray(self.semi_major**2 * sine)
        e2 = self.flattening * (2.0 - self.flattening)
        e = math.sqrt(e2)
        term = sine / (1.0 - e2 * sine**2) + np.arctanh(e * sine) / e
        return np.asarray(0.5 * self.semi_major**2 * (1.0 - e2) * term)

    @property
    def authalic_radius(self) -> float:
        """Radius in m of the sphere with the same surface."""
        return math.sqrt(float(self.zone_area(np.asarray(90.0))))


WGS84 = Earth("WGS 84", 6378137.0, 1.0 / 298.257223563)
SPHERE = Earth("sphere 6371007.181 m", 6371007.181, 0.0)
