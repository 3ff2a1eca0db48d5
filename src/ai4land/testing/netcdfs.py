"""NetCDF files as the providers write them: LUH2 states and static data, GEBCO elevation."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from ai4land.testing.formats.gebco import write_gebco_grid
from ai4land.testing.formats.luh2 import LuhWriter, luh2_name, write_luh2_static
from ai4land.vocabulary import LUH2_STATES

if TYPE_CHECKING:
    from ai4land.testing.planet.planet import Planet, PlanetYear

__all__ = ["StatesFile", "states_name", "write_gebco", "write_static"]


def states_name(scenario: str | None) -> Path:
    """Path of a states file as the LUH2 site serves it: v2h for history, v2f for a scenario."""
    return luh2_name("states", scenario)


class StatesFile:
    """A LUH2 states file of a planet that grows by a year at a time; a context manager.

    Args:
        folder: Where ``LUH2_v2h`` and ``LUH2_v2f`` begin.
        planet: Whose coarse product is written.
        scenario: Scenario, or none for history.
    """

    def __init__(self, folder: Path, planet: Planet, scenario: str | None) -> None:
        self.path = folder / states_name(scenario)
        self._planet = planet
        self._writer = LuhWriter(
            self.path,
            planet.spec.coarse,
            (*LUH2_STATES, "secmb", "secma"),
            "v2h" if scenario is None else "v2f",
            attributes={
                "title": "Synthetic land-use states in the form of LUH2",
                "source": "AI4Land synthetic planet",
                "Conventions": "CF-1.6",
                "mip_era": "CMIP6",
                "frequency": "yr",
            },
        )

    def append(self, now: PlanetYear) -> None:
        """Write the next year."""
        shape = self._planet.spec.coarse.shape
        states = self._planet.states(now)
        layers = dict(zip(LUH2_STATES, states, strict=True))
        sea = np.isnan(states[0])
        layers["secma"] = np.where(sea, np.nan, now.forcing.age.reshape(shape))
        layers["secmb"] = np.where(sea, np.nan, now.forcing.biomass.reshape(shape))
        self._writer.append(now.year, layers)

    def __enter__(self) -> StatesFile:
        """The file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._writer.__exit__(kind, error, trace)


def write_static(folder: Path, planet: Planet) -> Path:
    """Write ``staticData_quarterdeg.nc``: ice and water, cell area, forest flag and biomass."""
    grid = planet.spec.coarse
    water = planet.ice_water.reshape(grid.shape)
    layers = {
        "ptbio": planet.forcing.fertile.reshape(grid.shape) * 1.3,
        "fstnf": planet.wooded.reshape(grid.shape),
        "carea": np.asarray(grid.cell_areas()) / 1e6,
        "icwtr": water,
        "ccode": np.where(water < 1, 1.0, 0.0),
    }
    title = {"title": "Synthetic static data in the form of LUH2"}
    return write_luh2_static(folder / luh2_name("static"), grid, layers, attributes=title)


def write_gebco(folder: Path, planet: Planet) -> Path:
    """Write ``GEBCO_2024.nc`` on the planet's fine grid, latitude from south to north."""
    return write_gebco_grid(folder / "GEBCO_2024.nc", planet.elevation, planet.spec.domain)
