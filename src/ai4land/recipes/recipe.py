"""Recipe: the one file that says which products make a cube, where and when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from ai4land.errors import ConfigError
from ai4land.sources import LABELS, METHODS, SOURCES, Method, Strict
from ai4land.vocabulary import VARIABLES, Kind, Place, check_name, read_yaml, validated, variable

__all__ = ["Recipe", "Region", "VariableRecipe", "Years", "load_recipe", "narrowed"]

_FRACTIONS = "_fractions"
Box = tuple[float, float, float, float]


class Years(Strict):
    """The years a recipe asks for, both ends included."""

    first: Annotated[int, Field(ge=1, le=9999)]
    last: Annotated[int, Field(ge=1, le=9999)]
    step: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Years:
        if self.last < self.first:
            raise ValueError("first must not be after last")
        return self

    @property
    def ticks(self) -> tuple[int, ...]:
        """All years asked for."""
        return tuple(range(self.first, self.last + 1, self.step))


class Region(Strict):
    """A box in degrees; ``east < west`` crosses the date line."""

    west: Annotated[float, Field(ge=-360, le=360)]
    south: Annotated[float, Field(ge=-90, le=90)]
    east: Annotated[float, Field(ge=-360, le=360)]
    north: Annotated[float, Field(ge=-90, le=90)]

    @model_validator(mode="after")
    def _ordered(self) -> Region:
        if self.north <= self.south:
            raise ValueError("north must be above south")
        return self

    @property
    def box(self) -> Box:
        """West, south, east, north."""
        return self.west, self.south, self.east, self.north


class VariableRecipe(Strict):
    """Where one variable comes from.

    Attributes:
        source: Name of the product's reader.
        path: File or folder, relative to the recipe; ``${VAR}`` is taken from the environment.
        options: What the reader wants to know.
        legend: Legend to translate classes into; default: the product's own.
        crosswalk: Class of the product → class of ``legend``; default: the one that comes with
            AI4Land.
        outside: What happens in years, months and so on that the product does not cover.
        resample: Bring the variable onto another grid by this method; default: its own grid.
            ``fraction`` makes the shares of its classes: ``land_cover_fractions`` is read as
            ``land_cover``.
        degrees: Side of a cell of that other grid, which lies on whole multiples of it; default:
            the labels' grid.
    """

    source: str
    path: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    legend: str | None = None
    crosswalk: dict[str, str] | None = None
    outside: Literal["error", "hold", "drop"] = "error"
    resample: Method | None = None
    degrees: Annotated[float, Field(gt=0, le=30)] | None = None


class Recipe(Strict):
    """A whole recipe; made by ``load_recipe``, or in code with paths relative to the work folder.

    Attributes:
        title: One line for people.
        years: The years asked for.
        region: The box asked for; default: where the labels are.
        variables: Vocabulary name → where it comes from.
    """

    title: str
    years: Years
    region: Region | None = None
    variables: Annotated[dict[str, VariableRecipe], Field(min_length=1)]
    _place: Place = PrivateAttr(default_factory=lambda: Place("recipe"))

    def read_name(self, name: str) -> str:
        """The variable that a source is asked for: of class fractions, the classes."""
        made = self.variables[name].resample == "fraction"
        return name.removesuffix(_FRACTIONS) if made else name

    @property
    def labels(self) -> str:
        """What all else is cut to: land use, or in its place land cover that gives the forcing."""
        made = any(entry.source == LABELS for entry in self.variables.values())
        return "land_cover" if made and "land_use" not in self.variables else "land_use"

    def are_labels(self, name: str) -> bool:
        """Whether a variable keeps the grid of the labels and ends where they end."""
        return name in {self.labels, f"{self.labels}_smoothed"}

    @property
    def place(self) -> Place:
        """The file the recipe was read from, for error texts."""
        return self._place

    def options(self, name: str) -> Strict:
        """The checked options of a variable's source.

        Raises:
            ConfigError: If they do not fit the source.
        """
        entry = self.variables[name]
        at = ("variables", name, "options")
        model = SOURCES[entry.source].options
        options = validated(entry.options, model, self._place, at)
        legend = getattr(options, "legend", None)
        if isinstance(legend, str):
            return options.model_copy(update={"legend": self.file_name(legend)})
        return options

    def file_name(self, legend: str) -> str:
        """A legend as its reader wants it: built-in names as they are, files with their folder."""
        return str(self.path(legend)) if legend.endswith((".yaml", ".yml")) else legend

    def path(self, written: str, at: tuple[str, ...] = ()) -> Path:
        """A path of the recipe, expanded and relative to the recipe's folder.

        Raises:
            ConfigError: If it names an environment variable that is not set.
        """
        return self._place.resolve(written, at)

    def resolved(self) -> dict[str, Any]:
        """The recipe with all defaults, as plain data; paths as they were written."""
        data = self.model_dump(mode="json")
        for name in self.variables:
            at = ("variables", name, "options")
            model = SOURCES[self.variables[name].source].options
            options = validated(self.variables[name].options, model, self._place, at)
            data["variables"][name]["options"] = options.model_dump(mode="json")
        return data


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe; no data file is opened.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If a key, a name or a value does not fit; it names the line.
    """
    data, place = read_yaml(Path(path))
    recipe = validated(data, Recipe, place)
    recipe._place = place
    for name in recipe.variables:
        _check_variable(recipe, name)
    return recipe


def narrowed(
    recipe: Recipe, years: tuple[int, int] | None = None, region: Box | None = None
) -> Recipe:
    """The same recipe for some of its years and a part of its region.

    Args:
        recipe: The whole recipe.
        years: First and last year, both included; a recipe with a step keeps its own years.
        region: West, south, east, north in degrees.

    Raises:
        ConfigError: If the slice is not a part of the recipe.
    """
    changes: dict[str, object] = {}
    if years is not None:
        changes["years"] = _years(recipe, *years)
    if region is not None:
        changes["region"] = _region(recipe, region)
    made = recipe.model_copy(update=changes)
    made._place = recipe.place
    return made


def _years(recipe: Recipe, first: int, last: int) -> Years:
    asked = recipe.years
    kept = [y for y in asked.ticks if first <= y <= last]
    if first > last or first < asked.first or last > asked.last or not kept:
        raise ConfigError(
            "These years are not a part of the recipe's",
            where=recipe.place.at(("years",)),
            expected=f"first and last year within {asked.first}…{asked.last}"
            + (f" that hold one of every {asked.step}. year" if asked.step > 1 else ""),
            found=f"{first}…{last}",
        )
    return Years(first=kept[0], last=kept[-1], step=asked.step)


def _region(recipe: Recipe, box: Box) -> Region:
    west, south, east, north = box
    where = recipe.place.at(("region",))
    wide = (east - west) % 360 or 360.0
    if not (-90 <= south < north <= 90 and -360 <= west <= 360 and -360 <= east <= 360):
        raise ConfigError(
            "This is not a region",
            where=where,
            expected="west, south, east, north in degrees, south below north",
            found=",".join(f"{edge:g}" for edge in box),
        )
    whole = recipe.region
    if whole is not None:
        span = (whole.east - whole.west) % 360 or 360.0
        offset = (west - whole.west) % 360
        inside = span == 360.0 or offset + wide <= span + 1e-9
        if not inside or south < whole.south or north > whole.north:
            raise ConfigError(
                "This region is not a part of the recipe's",
                where=where,
                expected=f"inside {whole.west:g},{whole.south:g},{whole.east:g},{whole.north:g}",
                found=",".join(f"{edge:g}" for edge in box),
            )
    return Region(west=west, south=south, east=east, north=north)


def _check_variable(recipe: Recipe, name: str) -> None:
    """Refuse names that nobody knows and settings that mean nothing together."""
    entry, place = recipe.variables[name], recipe.place
    at = ("variables", name)
    check_name(name, VARIABLES, "Unknown variable", place.at(at))
    check_name(entry.source, SOURCES, "Unknown source", place.at((*at, "source")))
    asked = _classes_behind(recipe, name)
    offered = SOURCES[entry.source].variables
    if offered:
        what = f"Unknown variable of the source {entry.source!r}"
        check_name(asked, offered, what, place.at(at))
    elif variable(asked).kind is not Kind.CATEGORICAL:
        raise ConfigError(
            "A series of class maps cannot give numbers", where=place.at(at), found=repr(name)
        )
    recipe.options(name)
    labels = entry.source == LABELS
    if labels == (entry.path is not None):
        raise ConfigError(
            "Forcing from labels has no path" if labels else "A path is missing",
            where=place.at(at),
            remedy=None if labels else "give the file or folder of the product as `path`",
        )
    if entry.degrees is not None and entry.resample is None:
        raise ConfigError(
            "`degrees` needs a method",
            where=place.at((*at, "degrees")),
            expected=f"`resample`: one of {', '.join(METHODS)}",
        )
    fixed = {"legend", "crosswalk", "outside", "resample", "degrees"} if labels else set()
    fixed |= {"outside", "resample", "degrees"} if recipe.are_labels(name) else set()
    defaults = VariableRecipe(source=entry.source)
    for key in sorted(k for k in fixed if getattr(entry, k) != getattr(defaults, k)):
        raise ConfigError(
            f"`{key}` cannot be chosen here",
            where=place.at((*at, key)),
            expected="labels keep their grid and end where they end; forcing from labels follows",
        )
    base = "" if name == "land_share" else recipe.labels  # after which it is named
    if labels and not (recipe.labels in recipe.variables and name.startswith(base)):
        raise ConfigError(
            "Forcing from labels needs labels",
            where=place.at(at),
            expected="variable land_use, or in its place land_cover and what is named after it",
        )


def _classes_behind(recipe: Recipe, name: str) -> str:
    """The variable a source is asked for; class fractions are made of classes only."""
    asked = recipe.read_name(name)
    if recipe.variables[name].resample != "fraction":
        return asked
    if asked == name or asked not in VARIABLES or variable(asked).kind is not Kind.CATEGORICAL:
        made = [f"{v.name}{_FRACTIONS}" for v in VARIABLES.values()]
        raise ConfigError(
            "`resample: fraction` makes the shares of classes",
            where=recipe.place.at(("variables", name, "resample")),
            expected=f"one of {', '.join(n for n in made if n in VARIABLES)}",
            found=repr(name),
        )
    return asked
