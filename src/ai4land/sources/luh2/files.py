"""The file names of LUH2, LUH2-GCB and LUH3: what a file is, from its name or its attributes.

LUH2 v2h and v2f: Hurtt et al. 2020, GMD 13, 5425, doi:10.5194/gmd-13-5425-2020, input4MIPs names of
CMIP6. LUH2-GCB: Chini et al. 2021, ESSD 13, 4175, doi:10.5194/essd-13-4175-2021. LUH3: input4MIPs
of CMIP7, doi:10.25981/ESGF.input4MIPs.CMIP7/2521499.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ai4land.errors import MissingFileError, SourceError
from ai4land.sources.source import Product
from ai4land.vocabulary import nearest_name

__all__ = ["CITATION", "LUH2_SCENARIOS", "LUH3_SCENARIOS", "LuhFile", "LuhFiles", "scenario_name"]

CITATION = "Hurtt et al. 2020, doi:10.5194/gmd-13-5425-2020"
_CITATIONS = {
    "gcb": "Chini et al. 2021, doi:10.5194/essd-13-4175-2021",
    "luh3": "LUH3, doi:10.25981/ESGF.input4MIPs.CMIP7/2521499",
}

LUH2_SCENARIOS: Mapping[str, str] = MappingProxyType(
    {
        "ssp119": "IMAGE_SSP1_RCP19",
        "ssp126": "IMAGE",
        "ssp245": "MESSAGE",
        "ssp370": "AIM",
        "ssp434": "GCAM34",
        "ssp460": "GCAM60",
        "ssp534": "MAGPIE_SSP5_RCP34OS",
        "ssp585": "MAGPIE",
    }
)
"""The scenarios of v2f and the folders that hold them at the provider's."""

LUH3_SCENARIOS = ("vl", "ln", "l", "ml", "m", "hl", "h")
"""The scenarios of LUH3 (ScenarioMIP of CMIP7)."""

_OTHER_SPELLINGS = {"ssp534os": "ssp534", "ssp534-over": "ssp534", "ssp534over": "ssp534"}
_PLAIN = re.compile(r"(?P<kind>states|transitions|management)(?P<number>\d*)\.nc\Z")
_STATIC = "staticdata_quarterdeg.nc"
_INPUT4MIPS = re.compile(
    r"(?:multiple-(?P<kind>states|transitions|management|static|fixed)|(?P<tree>added_tree_cover))"
    r"_input4MIPs_landState_[A-Za-z0-9]+_UofMD-(?P<tag>.+)_gn(?:_(?P<first>\d+)-\d+)?\.nc\Z",
    re.IGNORECASE,
)
_TAG_V2F = re.compile(r"[a-z0-9]+-(?P<scenario>ssp\d{3}[a-z]*)-2-\d+(?:-\d+)*-[a-z]\Z")
_TAG_V2H = re.compile(r"landstate(?:-(?P<variant>base|high|low))?-2-\d+(?:-\d+)*-h\Z")
_TAG_LUH3 = re.compile(
    r"landstate-(?:(?P<scenario>[a-z]+)(?P<ext>-ext)?-)?(?P<version>3-\d+(?:-\d+)?)\Z"
)
_GCB_FOLDER = re.compile(r"GC[BP][_-]?(\d{4})", re.IGNORECASE)
_FAR = 2100  # a file that begins here extends a scenario


def scenario_name(written: str) -> str:
    """The scenario a recipe means.

    Raises:
        ValueError: If there is none of that name; the text names the nearest.
    """
    name = written.strip().lower()
    name = _OTHER_SPELLINGS.get(name, name)
    known = (*LUH2_SCENARIOS, *LUH3_SCENARIOS)
    if name not in known:
        close = nearest_name(name, known)
        hint = f"; did you mean {close!r}?" if close else ""
        raise ValueError(f"one of {', '.join(known)}{hint}")
    return name


@dataclass(frozen=True, slots=True)
class LuhFile:
    """What a file is.

    Attributes:
        path: The file.
        kind: ``states``, ``transitions``, ``management``, ``static`` or ``tree`` (added tree
            cover); empty if neither name nor attributes say.
        release: ``v2h``, ``v2f``, ``gcb`` or ``luh3``.
        version: Version within the release, such as ``3-1-1``.
        scenario: Scenario, or ``None`` for history.
        extension: Whether it continues a scenario beyond 2100.
    """

    path: Path
    kind: str
    release: str = "v2h"
    version: str = ""
    scenario: str | None = None
    extension: bool = False

    @property
    def product(self) -> Product:
        """Name, version and citation for provenance."""
        words = [{"gcb": "GCB", "luh3": ""}.get(self.release, self.release)]
        tag = "-".join(x for x in (self.scenario, "ext" if self.extension else "") if x)
        words += [tag, self.version]
        name = "LUH3" if self.release == "luh3" else "LUH2"
        cite = _CITATIONS.get(self.release, CITATION)
        return Product(name, " ".join(w for w in words if w), "CC BY 4.0", cite)

    @classmethod
    def of(cls, path: Path, source_id: str = "", last: int | None = None) -> LuhFile | None:
        """What a file is by its name, by the attribute ``source_id``, and by its last year.

        A plain ``states.nc`` is v2h if it ends in 2015 and a GCB release if it goes on.

        Args:
            path: The file.
            source_id: Attribute of an input4MIPs file, whatever its name became.
            last: Last year of the file, if it was opened already.
        """
        match = _INPUT4MIPS.match(path.name)
        if match is not None:
            kind = "tree" if match["tree"] else match["kind"].lower().replace("fixed", "static")
            late = match["first"] is not None and int(match["first"]) >= _FAR
            return _tagged(path, kind, match["tag"].lower(), late)
        plain = _PLAIN.match(path.name)
        kind = plain["kind"] if plain else "static" if path.name.lower() == _STATIC else ""
        if source_id.lower().startswith("uofmd-"):
            found = _tagged(path, kind, source_id.lower().removeprefix("uofmd-"), False)
            if found is not None:
                return found
        if not kind:
            return None
        folder = _GCB_FOLDER.search(str(path.parent.name))
        if folder or (plain and plain["number"]) or (last or 0) > 2015:
            version = folder[1] if folder else f"to {last}" if last else ""
            return cls(path, kind, "gcb", version)
        return cls(path, kind)


def _tagged(path: Path, kind: str, tag: str, late: bool) -> LuhFile | None:
    """What a file is by the middle part of its input4MIPs name."""
    match = _TAG_V2F.match(tag)
    if match is not None:
        name = match["scenario"]
        return LuhFile(path, kind, "v2f", "", _OTHER_SPELLINGS.get(name, name), late)
    match = _TAG_V2H.match(tag)
    if match is not None:
        variant = match["variant"] or "base"
        return LuhFile(path, kind, "v2h", "" if variant == "base" else variant)
    match = _TAG_LUH3.match(tag)
    if match is not None:
        late = late or bool(match["ext"])
        return LuhFile(path, kind, "luh3", match["version"], match["scenario"], late)
    return None


class LuhFiles:
    """The files of a folder and its subfolders, and which of them belong together.

    Args:
        folder: The folder.
        files: What was found in it.
    """

    def __init__(self, folder: Path, files: Iterable[LuhFile]) -> None:
        self._folder = folder
        self._files = list(files)

    def chosen(
        self, kind: str, scenario: str | None, release: str | None
    ) -> tuple[LuhFile | None, LuhFile | None, LuhFile | None]:
        """History, scenario and its extension of one kind of file; ``None`` where there is none.

        Without ``release`` a scenario of LUH3 takes LUH3's history, any other takes LUH2's.

        Raises:
            SourceError: If several files could be meant.
        """
        mine = [f for f in self._files if f.kind == kind]
        histories = [f for f in mine if f.scenario is None and _fits(f, scenario, release)]
        if kind == "static" and not histories and release in {None, "gcb"}:
            histories = [f for f in mine if f.scenario is None and f.release == "v2h"]
        future = [f for f in mine if f.scenario == scenario and scenario is not None]
        return (
            self._one(histories, kind, "history"),
            self._one([f for f in future if not f.extension], kind, f"scenario {scenario}"),
            self._one([f for f in future if f.extension], kind, f"extension of {scenario}"),
        )

    def _one(self, found: list[LuhFile], kind: str, what: str) -> LuhFile | None:
        if len(found) > 1:
            names = ", ".join(
                f"{f.path.name} ({f.product.version})" for f in sorted(found, key=lambda f: f.path)
            )
            raise SourceError(
                f"Several {kind} files here",
                where=self._folder,
                expected=f"one file of the {what}",
                found=names,
                remedy="set the option `release`, or give the path of one file",
            )
        return found[0] if found else None

    def missing(self, what: str, scenario: str | None) -> MissingFileError:
        """The error that a file is not there, with what is there instead."""
        expected = "states.nc, or multiple-states_input4MIPs_landState_…_UofMD-landState-….nc"
        if scenario is not None:
            expected += f"; of the scenario: multiple-states_…-{scenario}-….nc"
        there = sorted(f.path.name for f in self._files)
        return MissingFileError(
            f"No states file of the {what} here",
            where=self._folder,
            expected=expected,
            found=", ".join(there) or "no file of LUH2 or LUH3, in subfolders neither",
            remedy="fetch it, or give the path of one file to read it alone",
        )


def _fits(file: LuhFile, scenario: str | None, release: str | None) -> bool:
    """Whether a history may continue into a scenario and is of the release asked for."""
    if release is not None:
        return release in {file.release, file.version}
    if scenario is None:
        return True
    return (file.release == "luh3") == (scenario in LUH3_SCENARIOS)
