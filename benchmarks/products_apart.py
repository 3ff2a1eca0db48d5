"""How far two products of one land are apart, and what each says of its change, cell by cell.

    python benchmarks/products_apart.py CUBE --forcing land_cover_fractions --from 2009 --to 2012

Prints, in the groups of classes that both products express and on the coarse cells of the forcing,
as shares of the labels' pixels: the difference between the products at the first time, what changed
in the labels (net within a cell), what the forcing asks for, and how the changes go together.
"""

from __future__ import annotations

import argparse

import numpy as np

from ai4land.cube import Cube
from ai4land.rollout import demand_of, observed_state
from ai4land.vocabulary import LAND_USE, crosswalk


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cube")
    parser.add_argument("--forcing", default="land_cover_fractions")
    parser.add_argument("--from", dest="first", type=int, required=True)
    parser.add_argument("--to", dest="last", type=int, required=True)
    asked = parser.parse_args()
    cube = Cube(asked.cube)
    (target,) = LAND_USE.targets
    demand = demand_of(cube, target, (asked.forcing,))
    first, last = (
        demand.reference(observed_state(cube, LAND_USE, t)) for t in (asked.first, asked.last)
    )
    window, size = demand.mesh.coarse.window, len(demand.groups)
    labels = (last.counts - first.counts).reshape(size, -1)
    product = demand.asked(first, asked.last, window) - first.counts.reshape(size, -1)
    about = demand.drivers.describe(asked.forcing)
    assert about.legend is not None
    walk = crosswalk(about.legend.name, demand.legend.name)
    shares = np.stack(
        [
            sum(np.array(walk.matrix).T[walk.target_classes.index(name)] for name in group)
            for group in walk.shared
        ]
    )
    given = np.nan_to_num(
        cube.read(asked.forcing, asked.first, window).reshape(shares.shape[1], -1)
    )
    bias = shares @ given * first.pixels.reshape(-1) - first.counts.reshape(size, -1)
    pixels = float(first.counts.sum())

    def percent(values: np.ndarray) -> str:
        return f"{100 * 0.5 * np.abs(values).sum() / pixels:8.3f}"

    print(
        f"{cube.path.name}, {asked.first} to {asked.last}: "
        f"% of {pixels:.0f} pixels, half the sum of both signs"
    )
    print("                             apart   labels    asked  correlation")
    rows = [(" + ".join(names), [g]) for g, names in enumerate(walk.shared)]
    for name, some in [*rows, ("all", list(range(size)))]:
        one, two = labels[some].ravel(), product[some].ravel()
        used = first.counts.sum(axis=0).ravel() > 0
        keep = np.tile(used, len(some))
        r = np.corrcoef(one[keep], two[keep])[0, 1] if np.ptp(two[keep]) else np.nan
        print(f"{name:26s}{percent(bias[some])}{percent(one)} {percent(two)} {r:12.2f}")


if __name__ == "__main__":
    main()
