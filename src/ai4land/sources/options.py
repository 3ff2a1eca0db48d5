"""Options: what a recipe may say to each product, strictly checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "GebcoOptions",
    "GeotiffSeriesOptions",
    "HildaOptions",
    "KoeppenOptions",
    "LabelsOptions",
    "Luh2Options",
    "Strict",
]

Cells = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HildaOptions(Strict):
    """Options of ``hilda``.

    Attributes:
        version: Edition; the same code means another class in another edition (44 is any forest in
            v1, deciduous broadleaf in v1-f and v2), so it is never guessed.
        base_map_2015: What to do with the v1 file of 2015, in which ice (99) is coded 66:
            ``repair`` puts 99 back where 2014 has it, ``exclude`` leaves 2015 out, ``as_is``
            takes the file as it is.
    """

    version: Literal["v1", "v1-f", "v2"]
    base_map_2015: Literal["repair", "exclude", "as_is"] | None = None


class Luh2Options(Strict):
    """Options of ``luh2``.

    Attributes:
        scenario: Scenario whose file continues the history after 2015, such as ``ssp126``.
    """

    scenario: str | None = None


class GebcoOptions(Strict):
    """Options of ``gebco``.

    Attributes:
        product: Name and year of the release, such as ``GEBCO_2024``.
    """

    product: str = "GEBCO"


class KoeppenOptions(Strict):
    """Options of ``koeppen_geiger``.

    Attributes:
        scenario: Scenario of the future periods, such as ``ssp245``; without one, only history.
        resolution: Resolution tag in the file names, needed if the folder holds several.
    """

    scenario: str | None = None
    resolution: str | None = None


class GeotiffSeriesOptions(Strict):
    """Options of ``geotiff_series``.

    Attributes:
        pattern: File name with ``{year}`` where the four digits of the year stand.
        legend: Legend of the codes: a built-in name, or a YAML file beside the recipe.
        product: Name for provenance.
        version: Version for provenance.
        licence: Terms for provenance.
        citation: What to cite.
    """

    pattern: str
    legend: str
    product: str = "class maps"
    version: str = ""
    licence: str = ""
    citation: str = ""


class LabelsOptions(Strict):
    """Options of ``labels``; one of the two.

    Attributes:
        cells: Rows and columns of label pixels in a coarse cell, counted from the region's
            north-west corner.
        degrees: Side of a coarse cell, on the grid of whole multiples of that length.
    """

    cells: tuple[Cells, Cells] | None = None
    degrees: Annotated[float, Field(gt=0, le=30)] | None = None

    @model_validator(mode="after")
    def _one(self) -> LabelsOptions:
        if (self.cells is None) == (self.degrees is None):
            raise ValueError("give either cells: [rows, columns] or degrees, not both")
        return self
