"""NetCDF files as the providers write them: LUH2 states and static data, GEBCO elevation."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.spec import FORK_YEAR
from ai4land.vocabulary import LUH2_STATES

if TYPE_CHECKING:
    import netCDF4

    from ai4land.testing.planet import Planet, PlanetYear

__all__ = ["StatesFile", "states_name", "write_gebco", "write_static"]

_MISSING = np.float32(1e20)
_BASE_YEAR = 850
_MODELS = {
    "ssp119": "IMAGE_SSP1_RCP19",
    "ssp126": "IMAGE",
    "ssp245": "MESSAGE",
    "ssp370": "AIM",
    "ssp585": "MAGPIE",
}
_NAMES = {
    "primf": "forested primary land",
    "primn": "non-forested primary land",
    "secdf": "potentially forested secondary land",
    "secdn": "potentially non-forested secondary land",
    "urban": "urban land",
    "c3ann": "C3 annual crops",
    "c4ann": "C4 annual crops",
    "c3per": "C3 perennial crops",
    "c4per": "C4 perennial crops",
    "c3nfx": "C3 nitrogen-fixing crops",
    "pastr": "managed pasture",
    "range": "rangeland",
    "secmb": "secondary mean biomass carbon density",
    "secma": "secondary mean age",
}
_UNITS = {"secmb": "kg C m-2", "secma": "years"}


def states_name(scenario: str | None) -> Path:
    """Path of a states file as the LUH2 site serves it: v2h for history, v2f for a scenario."""
    if scenario is None:
        return Path("LUH2_v2h/states.nc")
    folder = _MODELS[scenario]
    stem = f"UofMD-{folder.split('_')[0]}-{scenario}-2-1-f_gn_2015-2100.nc"
    return Path(f"LUH2_v2f/{folder}/multiple-states_input4MIPs_landState_ScenarioMIP_{stem}")


def _create(path: Path) -> netCDF4.Dataset:
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    return netCDF4.Dataset(path, "w", format="NETCDF4")


def _luh2_axes(file: netCDF4.Dataset, grid: Grid) -> None:
    """Latitude from north to south, and the bounds under names the axes do not give."""
    file.createDimension("lat", grid.height)
    file.createDimension("lon", grid.width)
    file.createDimension("bounds", 2)
    for name, long_name, centres, edges in (
        ("lat", "latitude", grid.latitudes(), grid.latitude_edges()),
        ("lon", "longitude", grid.longitudes(), grid.longitude_edges()),
    ):
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts(
            {
                "units": "degrees_north" if name == "lat" else "degrees_east",
                "long_name": long_name,
                "axis": "Y" if name == "lat" else "X",
                "bounds": f"bounds_{name}",
                "realtopology": "linear" if name == "lat" else "circular",
            }
        )
        if name == "lon":
            axis.setncatts({"topology": "circular", "modulo": 360.0})
        axis[:] = centres
        bounds = file.createVariable(f"{name}_bounds", "f8", (name, "bounds"))
        bounds[:] = np.stack([edges[:-1], edges[1:]], axis=1)


class StatesFile:
    """A LUH2 states file that grows by a year at a time; a context manager.

    The quirks are the product's: years since 850 (or 2015) that no calendar library decodes,
    ``_Fillvalue`` misspelt so that only ``missing_value`` masks, and ``bounds`` attributes that
    name variables which do not exist.

    Args:
        folder: Where ``LUH2_v2h`` and ``LUH2_v2f`` begin.
        planet: Whose coarse product is written.
        scenario: Scenario, or none for history.
    """

    def __init__(self, folder: Path, planet: Planet, scenario: str | None) -> None:
        self.path = folder / states_name(scenario)
        self._planet = planet
        self._base = _BASE_YEAR if scenario is None else FORK_YEAR
        self._file = _create(self.path)
        self._years = 0
        self._fill()

    def _fill(self) -> None:
        file, grid = self._file, self._planet.spec.coarse
        file.setncatts(
            {
                "title": "Synthetic land-use states in the form of LUH2",
                "source": "AI4Land synthetic planet",
                "Conventions": "CF-1.6",
                "mip_era": "CMIP6",
                "frequency": "yr",
            }
        )
        file.createDimension("time", None)
        _luh2_axes(file, grid)
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts(
            {
                "units": f"years since {self._base}-01-01 0:0:0",
                "calendar": "noleap",
                "axis": "T",
                "bounds": "bounds_time",
                "realtopology": "linear",
            }
        )
        file.createVariable("time_bnds", "i4", ("time", "bounds"))
        for name, long_name in _NAMES.items():
            variable = file.createVariable(
                name,
                "f4",
                ("time", "lat", "lon"),
                chunksizes=(1, *grid.shape),
                zlib=True,
                complevel=1,
                fill_value=False,
            )
            variable.setncatts(
                {
                    "standard_name": "" if name in _UNITS else "area_fraction",
                    "long_name": long_name,
                    "units": _UNITS.get(name, "1"),
                    "cell_methods": "time:mean",
                    "missing_value": _MISSING,
                    "_Fillvalue": _MISSING,
                }
            )

    def append(self, now: PlanetYear) -> None:
        """Write the next year."""
        k, elapsed = self._years, now.year - self._base
        shape = self._planet.spec.coarse.shape
        states = self._planet.states(now)
        layers = dict(zip(LUH2_STATES, states, strict=True))
        layers["secma"] = now.forcing.age.reshape(shape)
        layers["secmb"] = now.forcing.biomass.reshape(shape)
        missing = np.isnan(states[0])
        self._file["time"][k] = elapsed
        self._file["time_bnds"][k] = [elapsed, elapsed + 1]
        for name, layer in layers.items():
            self._file[name][k] = np.where(missing, _MISSING, layer).astype(np.float32)
        self._years += 1

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
        self._file.close()


def write_static(folder: Path, planet: Planet) -> Path:
    """Write ``staticData_quarterdeg.nc``: ice and water, cell area, forest flag and biomass."""
    path = folder / "LUH2_v2h/staticData_quarterdeg.nc"
    grid = planet.spec.coarse
    water = planet.ice_water.reshape(grid.shape)
    fields: dict[str, tuple[str, str, npt.NDArray[Any]]] = {
        "ptbio": ("potential biomass carbon content", "kg m-2", planet.forcing.fertile * 1.3),
        "fstnf": ("mask denoting forest (1) or non-forest (0)", "1", planet.wooded),
        "carea": ("area of grid cell", "km2", np.asarray(grid.cell_areas()) / 1e6),
        "icwtr": ("ice/water fraction", "1", water),
        "ccode": ("country codes", "1", np.where(water < 1, 1.0, 0.0)),
    }
    with _create(path) as file:
        file.setncatts({"title": "Synthetic static data in the form of LUH2"})
        _luh2_axes(file, grid)
        for name, (long_name, units, field) in fields.items():
            variable = file.createVariable(name, "f4", ("lat", "lon"), zlib=True, fill_value=False)
            variable.setncatts(
                {
                    "standard_name": "",
                    "long_name": long_name,
                    "units": units,
                    "missing_value": _MISSING,
                    "_Fillvalue": _MISSING,
                }
            )
            variable[:] = field.reshape(grid.shape).astype(np.float32)
    return path


def write_gebco(folder: Path, planet: Planet) -> Path:
    """Write ``GEBCO_2024.nc`` on the planet's fine grid, latitude from south to north."""
    path, grid = folder / "GEBCO_2024.nc", planet.spec.domain
    with _create(path) as file:
        file.setncatts(
            {
                "title": "Synthetic elevation in the form of the GEBCO_2024 Grid",
                "Conventions": "CF-1.6",
                "source": "AI4Land synthetic planet",
                "node_offset": np.int32(1),
            }
        )
        for short, long_name, letter, centres in (
            ("lat", "latitude", "Y", grid.latitudes()[::-1]),
            ("lon", "longitude", "X", grid.longitudes()),
        ):
            north = short == "lat"
            file.createDimension(short, len(centres))
            axis = file.createVariable(short, "f8", (short,))
            axis.setncatts(
                {
                    "standard_name": long_name,
                    "long_name": long_name,
                    "units": f"degrees_{'north' if north else 'east'}",
                    "axis": letter,
                    "sdn_parameter_urn": f"SDN:P01::AL{'AT' if north else 'ON'}ZZ01",
                    "sdn_parameter_name": f"{long_name.title()} {'north' if north else 'east'}",
                    "sdn_uom_urn": f"SDN:P06::DEG{'N' if north else 'E'}",
                    "sdn_uom_name": f"Degrees {'north' if north else 'east'}",
                }
            )
            axis[:] = centres
        crs = file.createVariable("crs", "S1", ())
        crs.setncatts(
            {
                "grid_mapping_name": "latitude_longitude",
                "epsg_code": "EPSG:4326",
                "inverse_flattening": 298.257223563,
                "semi_major_axis": 6378137.0,
            }
        )
        height = file.createVariable(
            "elevation", "i2", ("lat", "lon"), zlib=True, complevel=1, fill_value=False
        )
        height.setncatts(
            {
                "standard_name": "height_above_mean_sea_level",
                "long_name": "Elevation relative to sea level",
                "units": "m",
                "grid_mapping": "crs",
                "sdn_parameter_urn": "SDN:P01::BATHHGHT",
                "sdn_parameter_name": "Sea floor height (above mean sea level)",
                "sdn_uom_urn": "SDN:P06::ULAA",
                "sdn_uom_name": "Metres",
            }
        )
        height[:] = planet.elevation[::-1]
    return path
