"""The expectation under the coarse net change: a Markov chain that gives the shares asked for."""

from __future__ import annotations

import dataclasses

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ai4land.models import Inputs
from ai4land.models.networks import Network, build_network
from network_inputs import (
    LAND,
    OPTIONS,
    class_spec,
    identity,
    random_inputs,
    shares,
    with_seen,
)

NETWORK = build_network(OPTIONS, class_spec())
COUNTS = st.lists(st.integers(0, 60), min_size=4, max_size=4).filter(lambda n: sum(n) >= 10)
PARTS = st.lists(st.floats(0.0, 1.0, width=32), min_size=4, max_size=4).filter(
    lambda p: sum(p) > 0.05
)


def one_cell(
    counts: list[int], before: Tensor, after: Tensor, visible: bool = True
) -> Inputs[Tensor]:
    """All pixels of one coarse cell in a row, their classes in the given numbers."""
    classes = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    number = len(classes)
    prior = torch.nn.functional.one_hot(classes, len(counts)).T.float()[None, :, None, :]
    spread = (1, len(before), 1, number)

    def in_a_row(part: Tensor) -> Tensor:
        return part if part.ndim < 4 else part[..., :1, :1].expand(*part.shape[:-2], 1, number)

    inputs = random_inputs(class_spec(), (4, 4)).map(in_a_row)
    seen = torch.full((1, 1, 1, number), float(visible))
    return with_seen(inputs, LAND, prior=prior, visible=seen)._replace(
        forcing_prior=before[None, :, None, None].expand(spread),
        forcing_target=after[None, :, None, None].expand(spread),
    )


@torch.no_grad()
def expected(inputs: Inputs[Tensor], network: Network = NETWORK) -> Tensor:
    found = network.encoder(inputs).targets[LAND].expected
    assert isinstance(found, Tensor)
    return found


def all_visible(inputs: Inputs[Tensor]) -> Inputs[Tensor]:
    return with_seen(inputs, LAND, visible=torch.ones_like(inputs.targets[LAND].visible))


@given(counts=COUNTS, parts=PARTS)
@settings(max_examples=60, deadline=None)
def test_over_a_cell_it_gives_the_shares_asked_for(counts: list[int], parts: list[float]) -> None:
    before = torch.tensor(counts) / sum(counts)
    after = torch.tensor(parts) / sum(parts)
    found = expected(one_cell(counts, before, after))
    torch.testing.assert_close(found[0, :, 0].mean(dim=1), after, atol=2e-5, rtol=0)
    assert (found >= 0).all()


@given(parts=st.tuples(PARTS, PARTS), totals=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)))
@settings(max_examples=60, deadline=None)
def test_probabilities_sum_to_one_whatever_the_shares_sum_to(
    parts: tuple[list[float], list[float]], totals: tuple[float, float]
) -> None:
    """Also where the forcing's classes do not fill the cell, or shrink without a gainer."""
    before, after = (
        torch.tensor(p) / sum(p) * total for p, total in zip(parts, totals, strict=True)
    )
    found = expected(one_cell([3, 3, 3, 3], before, after))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 1, 12), atol=1e-4, rtol=0)


def test_a_loss_without_any_gain_moves_nothing() -> None:
    before, after = torch.tensor([0.0, 0.5, 0.5, 0.0]), torch.tensor([0.0, 0.3, 0.5, 0.0])
    inputs = one_cell([0, 5, 5, 0], before, after)
    assert torch.equal(expected(inputs), inputs.targets[LAND].prior)


def test_no_change_expects_the_prior() -> None:
    inputs = random_inputs(class_spec())
    inputs = all_visible(inputs._replace(forcing_target=inputs.forcing_prior))
    assert torch.equal(expected(inputs), inputs.targets[LAND].prior)


def test_a_hidden_pixel_is_expected_to_be_what_the_cell_holds() -> None:
    after = torch.tensor([0.0, 0.2, 0.2, 0.4])
    inputs = one_cell([1, 4, 4, 1], torch.tensor([0.1, 0.4, 0.4, 0.1]), after, visible=False)
    found = expected(inputs)
    torch.testing.assert_close(found[0, :, 0, 0], after / 0.8)
    torch.testing.assert_close(found[0, :, 0, 7], after / 0.8)


def test_by_hand() -> None:
    """Wood falls from 0.5 to 0.4, field gains 0.06 and grass 0.04."""
    before, after = torch.tensor([0.0, 0.3, 0.5, 0.2]), torch.tensor([0.0, 0.36, 0.4, 0.24])
    found = expected(one_cell([0, 3, 5, 2], before, after))[0, :, 0]
    torch.testing.assert_close(found[:, 0], torch.tensor([0.0, 1.0, 0.0, 0.0]))
    torch.testing.assert_close(found[:, 4], torch.tensor([0.0, 0.12, 0.8, 0.08]))


def test_the_translation_leads_from_other_fractions_to_classes() -> None:
    """Two kinds of crop are one class: what moves between them is no change."""
    names = tuple(f"luh2_states/{c}" for c in ("none", "crop", "fodder", "wood", "grass"))
    rows = [list(row) for row in identity(4)]
    translation = tuple(tuple([*row[:2], row[1], *row[2:]]) for row in rows)
    spec = dataclasses.replace(class_spec(), forcing=names, translation=translation)
    network = build_network(OPTIONS, spec)
    before = shares(1, 5, (16, 24))
    swapped = before[:, [0, 2, 1, 3, 4]]
    inputs = all_visible(random_inputs(spec)._replace(forcing_prior=before, forcing_target=swapped))
    prior = inputs.targets[LAND].prior
    torch.testing.assert_close(expected(inputs, network), prior, atol=1e-5, rtol=0)
    moved = inputs._replace(forcing_target=before[:, [0, 3, 2, 1, 4]])
    assert not torch.allclose(expected(moved, network), prior, atol=1e-2)


def test_gross_transitions_take_the_place_of_the_net_change_where_they_are_known() -> None:
    """Field and wood swap a tenth; nothing is known of grass, and the net change is none."""
    spec = class_spec(flows=True)
    areas = torch.tensor([0.0, 0.4, 0.4, 0.2])
    rates = torch.tensor([[0, 0, 0, 0], [0, 0.9, 0.1, 0], [0, 0.1, 0.9, 0], [0, 0, 0, 0]])
    inputs = one_cell([0, 4, 4, 2], areas, areas)
    flows = rates.float().flatten()[None, :, None, None].expand(1, 16, 1, 10)
    network = build_network(OPTIONS, spec)
    found = expected(inputs._replace(flows=flows), network)[0, :, 0]
    torch.testing.assert_close(found[:, 0], torch.tensor([0.0, 0.9, 0.1, 0.0]))
    torch.testing.assert_close(found[:, 4], torch.tensor([0.0, 0.1, 0.9, 0.0]))
    torch.testing.assert_close(found[:, 9], torch.tensor([0.0, 0.0, 0.0, 1.0]))
    torch.testing.assert_close(found.mean(dim=1), areas)
    plain = expected(inputs._replace(flows=torch.zeros_like(flows)), network)
    torch.testing.assert_close(plain, inputs.targets[LAND].prior)
    hidden = one_cell([0, 4, 4, 2], areas, areas, visible=False)._replace(flows=flows)
    torch.testing.assert_close(expected(hidden, network)[0, :, 0, 0], areas)


def test_known_rates_and_the_net_change_share_a_cell() -> None:
    """Wood goes where its rates say, grass by the net change; all together is what is asked."""
    spec = class_spec(flows=True)
    before, after = torch.tensor([0.0, 0.2, 0.4, 0.4]), torch.tensor([0.0, 0.4, 0.4, 0.2])
    rates = torch.zeros(4, 4)
    rates[2, 2] = 1.0
    inputs = one_cell([0, 2, 4, 4], before, after)
    flows = rates.flatten()[None, :, None, None].expand(1, 16, 1, 10)
    found = expected(inputs._replace(flows=flows), build_network(OPTIONS, spec))[0, :, 0]
    torch.testing.assert_close(found.mean(dim=1), after)
    torch.testing.assert_close(found[:, 9], torch.tensor([0.0, 0.5, 0.0, 0.5]))
