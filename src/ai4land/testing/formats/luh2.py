"""Files of LUH2 and LUH3 as their providers write them, one year at a time, at any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.netcdf import create_netcdf
from ai4land.vocabulary import LUH2_STATES

__all__ = ["LUH2_FORMS", "LuhForm", "LuhWriter", "luh2_name", "write_luh2_static"]

Floats = npt.NDArray[np.float32]

_MISSING = np.float32(1e20)
_FOLDERS = {
    "ssp119": ("IMAGE_SSP1_RCP19", "IMAGE"),
    "ssp126": ("IMAGE", "IMAGE"),
    "ssp245": ("MESSAGE", "MESSAGE"),
    "ssp370": ("AIM", "AIM"),
    "ssp434": ("GCAM34", "GCAM"),
    "ssp460": ("GCAM60", "GCAM"),
    "ssp534": ("MAGPIE_SSP5_RCP34OS", "MAGPIE"),
    "ssp585": ("MAGPIE", "MAGPIE"),
}
_LONG_NAMES = {
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
    "ptbio": "potential biomass carbon content",
    "fstnf": "mask denoting forest (1) or non-forest (0)",
    "carea": "area of grid cell",
    "icwtr": "ice/water fraction",
    "ccode": "country codes",
    "pltns": "forest plantations",
    "flood": "flooded fraction of C3 annual crops",
    "rndwd": "industrial roundwood fraction of wood harvest",
    "fulwd": "fuelwood fraction of wood harvest",
    "combf": "commercial biofuel fraction of wood harvest",
    "addtc": "added tree cover",
    "added_tree_cover": "added tree cover",
}
_MANAGED = ("fertl_", "irrig_", "crpbf_", "cpbf", "flood", "rndwd", "fulwd", "combf", "addtc")
_FERTILISER = "kg ha-1 yr-1 (crop season)"
_UNITS = {"secmb": "kg C m-2", "secma": "years", "ptbio": "kg m-2", "carea": "km2"}


@dataclass(frozen=True, slots=True)
class LuhForm:
    """What differs between the releases.

    Attributes:
        base: Year from which time counts.
        days: Whether time counts days of 365 (LUH3) instead of years.
        fills: Names of the attributes that hold the fill value; ``_FillValue`` is CF's own.
        bounds: Pattern of the bounds that the axes name, and of the variables that hold them.
        carbon: How kilograms of carbon are written.
    """

    base: int
    days: bool = False
    fills: tuple[str, ...] = ("missing_value", "_Fillvalue")
    bounds: tuple[str, str] = ("bounds_{}", "{}_bounds")
    carbon: str = "kg C"


LUH2_FORMS: Mapping[str, LuhForm] = MappingProxyType(
    {
        "v2h": LuhForm(850),
        "gcb": LuhForm(850),
        "v2f": LuhForm(2015),
        "v2f-ext": LuhForm(2100),
        "luh3": LuhForm(
            850,
            days=True,
            fills=("_FillValue", "missing_value"),
            bounds=("{}_bnds", "{}_bnds"),
            carbon="kg",
        ),
    }
)
"""How the files of each release are written."""


def luh2_name(kind: str, scenario: str | None = None) -> Path:
    """Path of a LUH2 file as its site serves it: v2h for history, v2f for a scenario.

    Args:
        kind: ``states``, ``transitions``, ``management`` or ``static``.
        scenario: One of the eight scenarios, or none for history.
    """
    if kind == "static":
        return Path("LUH2_v2h/staticData_quarterdeg.nc")
    if scenario is None:
        return Path(f"LUH2_v2h/{kind}.nc")
    folder, model = _FOLDERS[scenario]
    stem = f"UofMD-{model}-{scenario}-2-1-f_gn_2015-2100.nc"
    return Path(f"LUH2_v2f/{folder}/multiple-{kind}_input4MIPs_landState_ScenarioMIP_{stem}")


class LuhWriter:
    """A file of LUH2 or LUH3 that grows by a year at a time; a context manager.

    The quirks of LUH2 are the product's: years since 850 (or 2015) that no calendar library
    decodes, ``_Fillvalue`` misspelt (``_fillvalue`` in management files) so that only
    ``missing_value`` masks, and ``bounds`` attributes that name variables which do not exist.

    Args:
        path: The file.
        grid: Its grid.
        names: Variables it will hold.
        form: Release whose quirks it has, one of ``LUH2_FORMS``.
        static: Whether there is no time.
        ascending: Write latitudes from south to north (a release is said to have done so).
        eastward: Write longitudes from 0 to 360°.
        attributes: Global attributes.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        names: Iterable[str],
        form: str = "v2h",
        *,
        static: bool = False,
        ascending: bool = False,
        eastward: bool = False,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self.path, self._grid, self._form, self._static = path, grid, LUH2_FORMS[form], static
        self._ascending, self._roll = ascending, grid.width // 2 if eastward else 0
        self._years = 0
        self._file = create_netcdf(path)
        self._file.setncatts(dict(attributes or {"title": "Land use in the form of LUH2"}))
        if not static:
            self._file.createDimension("time", None)
        self._axes()
        if not static:
            self._time()
        for name in names:
            self._declare(name)

    def _axes(self) -> None:
        """Latitude from north to south, and the bounds under names the axes may not give."""
        file, grid = self._file, self._grid
        file.createDimension("lat", grid.height)
        file.createDimension("lon", grid.width)
        file.createDimension("bounds", 2)
        for name, long_name, centres, edges in (
            ("lat", "latitude", grid.latitudes(), grid.latitude_edges()),
            ("lon", "longitude", grid.longitudes(), grid.longitude_edges()),
        ):
            pairs = np.stack([edges[:-1], edges[1:]], axis=1)
            if name == "lat" and self._ascending:
                centres, pairs = centres[::-1], pairs[::-1, ::-1]
            if name == "lon" and self._roll:
                shift = np.where(np.arange(grid.width) < self._roll, 360, 0)
                centres = np.roll(centres + shift, -self._roll)
                pairs = np.roll(pairs + shift[:, None], -self._roll, axis=0)
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts(
                {
                    "units": "degrees_north" if name == "lat" else "degrees_east",
                    "long_name": long_name,
                    "axis": "Y" if name == "lat" else "X",
                    "bounds": self._form.bounds[0].format(name),
                    "realtopology": "linear" if name == "lat" else "circular",
                }
            )
            if name == "lon":
                axis.setncatts({"topology": "circular", "modulo": 360.0})
            axis[:] = centres
            held = self._form.bounds[1].format(name)
            file.createVariable(held, "f8", (name, "bounds"))[:] = pairs

    def _time(self) -> None:
        form = self._form
        time = self._file.createVariable("time", "f8", ("time",))
        units = f"years since {form.base}-01-01 0:0:0"
        time.setncatts(
            {
                "units": f"days since {form.base:04d}-01-01" if form.days else units,
                "calendar": "noleap",
                "axis": "T",
                "bounds": form.bounds[0].format("time"),
                "realtopology": "linear",
            }
        )
        self._file.createVariable("time_bnds", "f8" if form.days else "i4", ("time", "bounds"))

    def _declare(self, name: str) -> None:
        """Create one variable with its attributes."""
        form = self._form
        own = _MISSING if "_FillValue" in form.fills else False
        dims = ("lat", "lon") if self._static else ("time", "lat", "lon")
        chunks = self._grid.shape if self._static else (1, *self._grid.shape)
        variable = self._file.createVariable(
            name, "f4", dims, chunksizes=chunks, zlib=True, complevel=1, fill_value=own
        )
        attributes: dict[str, Any] = {
            "standard_name": "area_fraction" if name in LUH2_STATES else "",
            "long_name": _LONG_NAMES.get(name, name.replace("_", " ")),
            "units": _unit(name, form),
        }
        if not self._static:
            attributes["cell_methods"] = "time:mean"
        for fill in form.fills:
            if fill != "_FillValue":
                attributes[fill.lower() if name.startswith(_MANAGED) else fill] = _MISSING
        variable.setncatts(attributes)

    def append(self, year: int, layers: Mapping[str, npt.ArrayLike]) -> None:
        """Write the next year.

        Args:
            year: The year; years may be left out.
            layers: Variable → ``(y, x)``, row 0 in the north, west −180°, NaN missing.
        """
        elapsed, k = year - self._form.base, self._years
        length = 365 if self._form.days else 1
        middle = 182.0 if self._form.days else 0.0
        self._file["time"][k] = elapsed * length + middle
        self._file["time_bnds"][k] = [elapsed * length, (elapsed + 1) * length]
        for name, layer in layers.items():
            self._file[name][k] = self._stored(layer)
        self._years += 1

    def fill(self, layers: Mapping[str, npt.ArrayLike]) -> None:
        """Write layers that do not change in time."""
        for name, layer in layers.items():
            self._file[name][:] = self._stored(layer)

    def _stored(self, layer: npt.ArrayLike) -> Floats:
        values = np.asarray(layer, dtype=np.float32)
        values = np.where(np.isnan(values), _MISSING, values)
        values = values[::-1] if self._ascending else values
        return np.roll(values, -self._roll, axis=1) if self._roll else values

    def __enter__(self) -> LuhWriter:
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


def _unit(name: str, form: LuhForm) -> str:
    """Units as the release writes them."""
    if name.startswith("fertl_"):
        return _FERTILISER
    if name.endswith("_bioh"):
        return f"{form.carbon} yr-1"
    if name == "secmb":
        return f"{form.carbon} m-2"
    return _UNITS.get(name, "1")


def write_luh2_static(
    path: Path,
    grid: Grid,
    layers: Mapping[str, npt.ArrayLike],
    form: str = "v2h",
    attributes: Mapping[str, str] | None = None,
) -> Path:
    """Write a static file: ``ptbio``, ``fstnf``, ``carea`` (km²), ``icwtr``, ``ccode``."""
    with LuhWriter(path, grid, layers, form, static=True, attributes=attributes) as file:
        file.fill(layers)
    return path
