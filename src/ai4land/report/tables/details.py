"""Tables of the details of an evaluation: skill, intervals, resolutions, forcing, regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai4land.evaluation import SPANS, Evaluation, Uncertainty
from ai4land.metrics import SEAMS, Interval, mean_of
from ai4land.report.tables.probability_scores import probability_tables
from ai4land.report.tables.table import Table, percent, score

__all__ = ["ALL_CELLS", "after_the_main", "in_detail", "uncertainty_table", "with_interval"]

ALL_CELLS = "all coarse cells"
"""End of the title of a table that does not leave out the cells at the coast."""

_DASH = "–"
_TRANSITIONS = 15  # the largest that are shown
_KINDS = ("gains", "losses")


def after_the_main(evaluation: Evaluation) -> list[Table]:
    """What is read right after the main table: skill, how sure it is, and probabilities."""
    return [*_skill(evaluation), *_uncertainty(evaluation), *_probabilities(evaluation)]


def in_detail(evaluation: Evaluation, rows: Mapping[str, Any]) -> list[Table]:
    """What explains the scores: amounts and places, resolutions, forcing, time, regions.

    Args:
        evaluation: The evaluation.
        rows: Row → what ``summarise`` says.
    """
    return [
        _disagreement(evaluation, rows),
        _resolutions(evaluation),
        *_fidelity(evaluation),
        *_flicker(evaluation),
        *_seams(evaluation),
        *_regions(evaluation),
        _gains(evaluation, rows),
        _transitions(evaluation),
    ]


def _skill(evaluation: Evaluation) -> list[Table]:
    details, ticks = evaluation.details, evaluation.ticks
    skills = {row: details.skills(row) for row in details.rollouts}
    mine = skills[evaluation.model]
    if not mine:
        return []
    spans = [ticks[-1:], ticks, ticks[:1]] if len(ticks) > 1 else [ticks]
    named = [str(span[0]) if len(span) == 1 else "mean" for span in spans]
    cells = []
    for row, found in skills.items():
        means = [mean_of(found[t].figure_of_merit for t in span) for span in spans]
        values = [mean_of(found[t].value for t in span) for span in spans]
        cells.append((row, *_paired(means, values)))
    most = [mean_of(mine[t].ceiling for t in span) for span in spans]
    cells.append(("ceiling", *_paired(most, [None if m is None else 1.0 for m in most])))
    note = (
        "Skill = (FoM − floor) / (ceiling − floor). The floor, 0, is the row random: a random "
        "allocation of the same coarse change. The ceiling, 1, is all the change that is net "
        "change of a coarse cell, placed rightly. Means are those of the yearly values."
    )
    heads = [f"{what}\n{span}" for span in named for what in ("FoM", "skill")]
    return [Table("Skill between floor and ceiling", ("", *heads), tuple(cells), note)]


def _paired(first: Sequence[float | None], second: Sequence[float | None]) -> list[str]:
    return [score(value) for pair in zip(first, second, strict=True) for value in pair]


def uncertainty_table(found: Uncertainty, ticks: Sequence[int], model: str) -> Table:
    """Figures of merit with intervals, and by how much one row is better than the others.

    Args:
        found: The intervals.
        ticks: The times scored.
        model: Name of the row that others are compared with.
    """
    named = {"first": str(ticks[0]), "last": str(ticks[-1]), "pooled": "all years pooled"}
    spans = SPANS if len(ticks) > 1 else SPANS[:1]
    cells = []
    for row, merit in found.merit.items():
        difference = found.difference.get(row, {})
        cells.append(
            (
                row,
                *(with_interval(merit[span]) for span in spans),
                *(with_interval(difference.get(span), sign=True) for span in spans),
            )
        )
    heads = [f"FoM\n{named[s]}" for s in spans]
    heads += [f"{model} − row\n{named[s]}" for s in spans]
    note = (
        f"95 % intervals from {found.blocks} blocks of {found.side} × {found.side} pixels, drawn "
        "with replacement (pooled: and years, drawn apart from them); a difference is computed on "
        "the same draws. An interval of a difference that leaves out 0 is no accident of place."
    )
    return Table("How sure: figure of merit by block bootstrap", ("", *heads), tuple(cells), note)


def _uncertainty(evaluation: Evaluation) -> list[Table]:
    found = evaluation.details.uncertainty
    return [] if found is None else [uncertainty_table(found, evaluation.ticks, evaluation.model)]


def _probabilities(evaluation: Evaluation) -> list[Table]:
    """The model's probabilities, beside every row's map as a certainty."""
    certain = {
        row: {step.time: step.confusion.accuracy for step in scores.leads}
        for row, scores in evaluation.scores.items()
        if "shuffled" not in row
    }
    scores = evaluation.details.rollouts[evaluation.model].probabilities
    return probability_tables(scores, evaluation.legend.names, evaluation.model, certain)


def _disagreement(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    keys = ("quantity", "allocation", "exchange", "shift")
    kappas = ("kappa", "kappa_location", "kappa_simulation", "kappa_transition", "kappa_transloc")
    cells = [
        (
            name,
            *(_share(row["last"].get(key)) for key in keys),
            *(score(row["last"].get(key)) for key in kappas),
        )
        for name, row in rows.items()
    ]
    heads = ["quantity\n%", "allocation\n%", "exchange\n%", "shift\n%"]
    heads += ["kappa", "kappa\nloc.", "kappa\nsim.", "kappa\ntransition", "kappa\ntransloc"]
    return Table(
        f"Amounts and places in {evaluation.ticks[-1]}",
        ("", *heads),
        tuple(cells),
        "Quantity + allocation = all disagreement; allocation = exchange + shift. Kappa is shown "
        "for comparison with older work.",
        detail=True,
    )


def _resolutions(evaluation: Evaluation) -> Table:
    rollouts = evaluation.details.rollouts
    factors = rollouts[evaluation.model].resolutions.factors
    cells = []
    for row, sums in rollouts.items():
        found = sums.resolutions
        null = found.null_resolution
        merits = (score(_finite(c.figure_of_merit)) for c in found.composites)
        cells.append((f"{row}, composite FoM", *merits, _DASH if null is None else f"{null} px"))
    for row, sums in rollouts.items():
        parts = (_share(_finite(c.disagreement)) for c in sums.resolutions.composites)
        cells.append((f"{row}, disagreement %", *parts, ""))
    return Table(
        f"Squares of several sizes, {evaluation.initial} to {evaluation.ticks[-1]}",
        ("", *(f"{f} px" for f in factors), "null\nresolution"),
        tuple(cells),
        "In squares of that side, what is misplaced within a square is right. Null resolution: the "
        "finest square in which a row disagrees less than persistence.",
        detail=True,
    )


def _fidelity(evaluation: Evaluation) -> list[Table]:
    details = evaluation.details
    rows = {
        name: list(c.fidelity.values())[-1] for name, c in details.time_sums.items() if c.fidelity
    }
    if not rows:
        return []
    scores = {name: found.scores(details.groups) for name, found in rows.items()}
    limits = list(next(iter(scores.values()))["cells_beyond"])
    whole = [
        (
            name,
            f"{s['unclosed_km2']:,.0f}",
            _two(s["unclosed_percent"]),
            _two(s["imbalance_percent"]),
            *(_share(s["cells_beyond"][limit]) for limit in limits),
        )
        for name, s in scores.items()
    ]
    heads = ["unclosed\nkm²", "unclosed\n%", "imbalance\n%"]
    heads += [f"cells beyond\n{limit} %, in %" for limit in limits]
    last = max if evaluation.direction == "forward" else min
    time = last(t for c in details.time_sums.values() for t in c.fidelity)
    note = (
        "Unclosed: ½ Σ |map − forcing| over cells and groups of classes, against the forcing's "
        "change since the initial map; imbalance: what is left of it in the sum of all cells. By "
        "true area, all cells, those at the coast too."
    )
    tables = [Table(f"Faithful to the forcing, {time}", ("", *heads), tuple(whole), note)]
    columns = ("", *(f"{g}\n{unit}" for g in details.groups for unit in ("km²", "%")))
    cells = tuple(
        (
            name,
            *(
                text
                for group in details.groups
                for text in (
                    f"{s['classes'][group]['error_km2']:,.0f}",
                    _two(s["classes"][group]["error_percent"]),
                )
            ),
        )
        for name, s in scores.items()
    )
    note = "Sum over cells of |map − forcing|, by true area; percent of what the forcing asks for."
    title = f"Faithful to the forcing by class, {time}"
    return [*tables, Table(title, columns, cells, note, detail=True)]


def _flicker(evaluation: Evaluation) -> list[Table]:
    undone = {name: c.flicker for name, c in evaluation.details.time_sums.items() if c.flicker}
    if not undone:
        return []
    windows = sorted({w for found in undone.values() for w in found})
    cells = tuple(
        (name, *(_share(_finite(found[w].share(w))) if w in found else _DASH for w in windows))
        for name, found in undone.items()
    )
    heads = (f"undone within\n{w} steps, %" for w in windows)
    return [
        Table(
            "Flicker: change that is soon undone",
            ("", *heads),
            cells,
            "A → B → A, percent of all change that is followed so long. A shuffled row is placed "
            "anew at every step: its flicker and its rates mean nothing.",
            detail=True,
        )
    ]


def _seams(evaluation: Evaluation) -> list[Table]:
    details, names = evaluation.details, evaluation.legend.names
    rates = {row: details.rates(row) for row in details.time_sums}
    known = {row: r for row, r in rates.items() if r is not None}
    seams = {**SEAMS, **details.seams}
    scores = {row: r.scores(names, seams) for row, r in known.items()}
    crossed = sorted({name for s in scores.values() for name in s["seams"]})
    if not crossed:
        return []
    heads: list[str] = []
    for seam in crossed:
        heads += [
            f"{seam}\nstep, %",
            "mean\naround, %",
            "spread\n%",
            "jump",
            "largest jump\nof a class",
        ]
    cells = []
    for row, found in scores.items():
        values: list[str] = []
        for seam in crossed:
            if seam not in found["seams"]:
                values += [_DASH] * 5
                continue
            gross, net = found["seams"][seam]["gross"], found["seams"][seam]["net"]
            jumps = {n: v["jump"] for n, v in net.items() if v["jump"] is not None}
            worst = max(jumps, key=lambda n: jumps[n], default=None)
            values += [_three(gross[key]) for key in ("seam", "mean", "spread")]
            values += [_DASH if gross["jump"] is None else f"{gross['jump']:.1f}"]
            values += [_DASH if worst is None else f"{worst} {jumps[worst]:.1f}"]
        cells.append((row, *values))
    note = (
        "Gross change per year as percent of the land, in the step across the seam and in up to "
        "ten steps on either side. Jump: distance from the mean in standard deviations; beyond 3 "
        "the maps break there."
    )
    return [Table("Change rates through the seams", ("", *heads), tuple(cells), note, detail=True)]


def _regions(evaluation: Evaluation) -> list[Table]:
    """Figures of merit by region, on the pixels of the headline and then on all."""
    kinds = ["headline", ALL_CELLS] if evaluation.all_cells else [""]
    return [
        _by_region(evaluation, n, number, kind)
        for n in range(len(evaluation.details.partitions))
        for number, kind in enumerate(kinds)
    ]


def _by_region(evaluation: Evaluation, partition: int, which: int, kind: str) -> Table:
    details = evaluation.details
    part = details.partitions[partition]
    rows = {
        row: details.region(row, partition) for row in details.rollouts if "shuffled" not in row
    }
    mine = {number: tables[which] for number, tables in rows[evaluation.model].items()}
    whole = sum(table.total for table in mine.values())
    cells = [
        (
            part.names.get(number, str(number)),
            percent(table.total, whole),
            percent(table.observed_change, table.total),
            *(score(_finite(found[number][which].figure_of_merit)) for found in rows.values()),
        )
        for number, table in mine.items()
        if table.total
    ]
    return Table(
        f"By region: {part.title.lower()}{f', {kind}' if kind else ''}",
        (part.title, "share of\nland, %", "changed\n%", *rows),
        tuple(cells),
        f"Figure of merit of the change from {evaluation.initial} to {evaluation.ticks[-1]}; – "
        "where nothing changed.",
        detail=True,
    )


def _gains(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    names = evaluation.legend.names
    held = [
        n
        for n in names
        if any(row["last"][kind][n] is not None for row in rows.values() for kind in _KINDS)
    ]
    cells = [
        (f"{name}, {kind}", *(score(row["last"][kind][n]) for n in held))
        for kind in _KINDS
        for name, row in rows.items()
    ]
    return Table(
        f"Figure of merit by class, {evaluation.initial} to {evaluation.ticks[-1]}",
        ("", *held),
        tuple(cells),
        "Of what became the class (gains) and of what ceased to be it (losses).",
        detail=True,
    )


def _transitions(evaluation: Evaluation) -> Table:
    names = evaluation.legend.names
    rollouts = evaluation.details.rollouts
    last = {row: sums.zones[0].leads[-1].three for row, sums in rollouts.items()}
    table = last[evaluation.model]
    observed = table.counts.sum(axis=2)
    pairs = [
        (i, j) for i in range(len(names)) for j in range(len(names)) if i != j and observed[i, j]
    ]
    pairs.sort(key=lambda pair: -observed[pair])
    change = table.observed_change
    merits = {row: three.transition_figure_of_merit for row, three in last.items()}
    cells = tuple(
        (
            f"{names[i]} → {names[j]}",
            percent(float(observed[i, j]), change),
            percent(float(table.counts[i, :, j].sum()), change),
            *(score(_finite(float(merit[i, j]))) for merit in merits.values()),
        )
        for i, j in pairs[:_TRANSITIONS]
    )
    left = f" The {len(pairs) - _TRANSITIONS} smaller ones are left out." * (
        len(pairs) > _TRANSITIONS
    )
    return Table(
        f"By transition, {evaluation.initial} to {evaluation.ticks[-1]}",
        ("", "truth\n%", f"{evaluation.model}\n%", *(f"FoM\n{row}" for row in merits)),
        cells,
        "Amounts in percent of all true change." + left,
        detail=True,
    )


def _finite(value: float) -> float | None:
    return value if value == value and abs(value) != float("inf") else None


def _share(value: float | None) -> str:
    return _DASH if value is None else f"{100.0 * value:.2f}"


def _two(value: float | None) -> str:
    return _DASH if value is None else f"{value:.2f}"


def _three(value: float | None) -> str:
    return _DASH if value is None else f"{100.0 * value:.3f}"


def with_interval(found: Interval | None, *, sign: bool = False) -> str:
    """A value with its interval below it; a dash of none."""
    if found is None:
        return _DASH
    form = "+.3f" if sign else ".3f"
    low, high = (f"{value:{form}}".replace("0.", ".", 1) for value in (found.low, found.high))
    return f"{found.value:{form}}\n[{low}, {high}]"
