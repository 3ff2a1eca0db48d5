"""Whether the figures of a report are what the schema says, and the schema says all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.evaluation import Evaluation, ProbabilityScores, Weighting, compare, evaluate
from ai4land.metrics import ScoredClasses
from ai4land.report.page import SCHEMA_VERSION
from tiny_rollouts import LAND

Schema = dict[str, Any]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
KEYWORDS = {
    *("$schema", "$defs", "$ref", "title", "description", "type", "const", "enum", "anyOf"),
    *("properties", "required", "additionalProperties", "items", "minimum", "maximum"),
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    found: Schema = json.loads(
        (files("ai4land.report") / "schema.json").read_text(encoding="utf-8")
    )
    return found


def target(schema: Schema, root: Schema) -> Schema:
    """What a reference refers to."""
    found: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return found


def problems(value: object, schema: Schema, root: Schema, at: str) -> list[str]:
    """What of a value breaks a schema, for the keywords that ours uses."""
    if "$ref" in schema:
        return problems(value, target(schema, root), root, at)
    if "anyOf" in schema:
        tried = [problems(value, one, root, at) for one in schema["anyOf"]]
        return [] if any(not found for found in tried) else tried[-1]
    found = []
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = any(isinstance(value, TYPES[kind]) for kind in kinds)
    if kinds and (not fits or isinstance(value, bool)):
        return [f"{at}: {value!r} is no {kinds}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r}")
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        found.append(f"{at}: {value} out of range")
    if isinstance(value, list) and "items" in schema:
        for n, item in enumerate(value):
            found += problems(item, schema["items"], root, f"{at}[{n}]")
    if isinstance(value, dict):
        found += [f"{at}: no {key}" for key in schema.get("required", []) if key not in value]
        known, other = schema.get("properties", {}), schema["additionalProperties"]
        for key, item in value.items():
            if key in known:
                found += problems(item, known[key], root, f"{at}.{key}")
            elif other is False:
                found.append(f"{at}: unknown {key}")
            else:
                found += problems(item, other, root, f"{at}.{key}")
    return found


def parts(schema: object) -> Iterator[Schema]:
    """A schema and all schemas within it."""
    if isinstance(schema, list):
        for item in schema:
            yield from parts(item)
    elif isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key in {"properties", "$defs"}:
                for one in value.values():
                    yield from parts(one)
            elif key in {"items", "additionalProperties", "anyOf"}:
                yield from parts(value)


def kind(schema: Schema) -> str:
    """Type of a field in a few words, with the part of the documentation that tells more."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return name if name in {"number", "share", "amount"} else f"[{name}](#{name})"
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema["type"] == "array":
        return f"list of {kind(schema['items'])}"
    if schema["type"] == "object":
        return f"name → {kind(schema['additionalProperties'])}"
    return schema["type"] if isinstance(schema["type"], str) else " or ".join(schema["type"])


def documented(schema: Schema) -> Iterator[str]:
    """The lines of ``docs/report.md`` that explain every field."""
    for name, part in {"": schema, **schema["$defs"]}.items():
        if name:
            yield f"#### {name}"
        if "properties" in part:
            if name:
                yield part["description"]
            for field, one in part["properties"].items():
                yield f"| `{field}` | {kind(one)} | {one['description']} |"
        else:
            yield f"{kind(part)}: {part['description']}"


def test_the_figures_of_a_report_follow_the_schema(
    made: Path, found: Evaluation, schema: Schema
) -> None:
    data = json.loads((made / "out" / "scores.json").read_text(encoding="utf-8"))
    assert data["schema"] == SCHEMA_VERSION == schema["properties"]["schema"]["const"]
    assert problems(data, schema, schema, "scores") == []
    one = json.loads((made / "out" / "p_scores.json").read_text(encoding="utf-8"))
    assert data["reconstructions"]["p"] == one == json.loads(json.dumps(found.to_dict()))


def test_comparisons_follow_the_schema(
    made: Path, found: Evaluation, tiny_cube: Cube, schema: Schema
) -> None:
    names = ("a", "b", "c")
    cube = Cube(made / "p.zarr")
    three = compare(dict.fromkeys(names, found), dict.fromkeys(names, cube), tiny_cube, LAND)
    data = json.loads(json.dumps(three.to_dict()))
    assert data["ranks"] is not None
    assert problems(data, schema["$defs"]["comparison"], schema, "comparison") == []


def test_probabilities_follow_the_schema(schema: Schema) -> None:
    rng = np.random.default_rng(0)
    maps = (rng.integers(0, 3, (8, 8), np.uint8), rng.integers(0, 3, (8, 8), np.uint8))
    said = rng.dirichlet(np.ones(3), (8, 8)).transpose(2, 0, 1)
    scores = ProbabilityScores()
    for time in (2001, 2002):
        scores = scores.with_time(time, maps, said, None, np.ones((8, 8), bool))
    data = json.loads(json.dumps(scores.to_dict(("a", "b", "c"))))
    assert list(data["curve"]) == ["2001", "all years", "2002"]
    assert problems(data, schema["$defs"]["probabilities"], schema, "probabilities") == []


def test_scores_by_area_with_the_sea_follow_the_schema(
    made: Path, tiny_cube: Cube, schema: Schema
) -> None:
    other = evaluate(
        Cube(made / "p.zarr"), tiny_cube, protocol=ScoredClasses.REFERENCE, weighting=Weighting.AREA
    )
    data = json.loads(json.dumps(other.to_dict()))
    assert problems(data, schema["$defs"]["reconstruction"], schema, "by area") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["details"]["skill"]["mine"][0].update(floor=2.0), ".floor: 2.0 out of range"),
        (lambda d: d["scores"]["mine"]["last"].update(merit=1.0), ".last: unknown merit"),
        (lambda d: d["scores"]["mine"]["last"].pop("hits"), ".last: no hits"),
        (lambda d: d.update(weighting="area2"), ".weighting: 'area2'"),
        (lambda d: d.update(initial="2003"), ".initial: '2003' is no ['integer']"),
    ],
)
def test_what_breaks_the_schema_is_found(
    change: Callable[[Schema], object], said: str, found: Evaluation, schema: Schema
) -> None:
    data = json.loads(json.dumps(found.to_dict()))
    change(data)
    broken = problems(data, schema["$defs"]["reconstruction"], schema, "p")
    assert broken
    assert all(line.endswith(said) for line in broken)


def test_the_schema_explains_every_field_and_allows_no_other(schema: Schema) -> None:
    used = set()
    for part in parts(schema):
        assert set(part) <= KEYWORDS, "a keyword that these tests do not know"
        assert all(len(one["description"]) > 3 for one in part.get("properties", {}).values())
        if part.get("type") == "object":
            assert "additionalProperties" in part
            assert ("properties" in part) == (part["additionalProperties"] is False)
            assert set(part.get("required", ())) <= set(part.get("properties", ()))
        if "$ref" in part:
            used.add(part["$ref"].removeprefix("#/$defs/"))
    assert used == set(schema["$defs"])
    assert all(part["description"] for part in schema["$defs"].values())


def test_the_documentation_explains_every_field(schema: Mapping[str, Any]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    said = text.partition("## The data")[2].splitlines()
    missing = [line for line in documented(dict(schema)) if line not in said]
    assert not missing, "write into docs/report.md:\n" + "\n".join(missing)
    rows = [line for line in said if line.startswith("| `")]
    stale = set(rows) - set(documented(dict(schema)))
    assert not stale, "of no field"
