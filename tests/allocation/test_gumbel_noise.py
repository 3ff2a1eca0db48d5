"""Noise that belongs to its place: the right distribution, correlated, however it is cut."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.allocation import gumbel_noise
from ai4land.grid import Grid, Mesh, Window

GLOBE = Grid.regular(-180, 90, 2, 2, (90, 180))
MESH = Mesh(GLOBE, Grid.regular(-190, 90, 20, 20, (9, 18)))


@pytest.mark.parametrize("lasting", [0.0, 0.6])
@pytest.mark.parametrize("reach", [0.0, 2.0])
def test_every_pixel_has_the_standard_gumbel_distribution(reach: float, lasting: float) -> None:
    noise = gumbel_noise(MESH, GLOBE.window, 3, 2001, 6, reach=reach, lasting=lasting)
    width = 0.01 if reach == 0 else 0.05  # correlated pixels say less
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=3 * width)
    assert noise.var() == pytest.approx(np.pi**2 / 6, rel=5 * width)
    quantiles = np.quantile(noise, [0.1, 0.5, 0.9])
    assert quantiles == pytest.approx(-np.log(-np.log([0.1, 0.5, 0.9])), abs=6 * width)


def test_neighbours_err_together_as_far_as_it_reaches() -> None:
    def correlation(reach: float, lag: int) -> float:
        noise = gumbel_noise(MESH, GLOBE.window, 5, 2001, 4, reach=reach)
        one, two = noise[:, :, :-lag].ravel(), noise[:, :, lag:].ravel()
        return float(np.corrcoef(one, two)[0, 1])

    assert abs(correlation(0.0, 1)) < 0.02
    # of normal noise the correlation at distance d is exp(−d²/4r²); Gumbel's is a little less
    assert correlation(2.0, 1) == pytest.approx(np.exp(-1 / 16), abs=0.06)
    assert abs(correlation(2.0, 9)) < 0.05


def test_years_err_together_as_much_as_lasts() -> None:
    def correlation(lasting: float, reach: float = 0.0) -> float:
        one, two = (
            gumbel_noise(MESH, GLOBE.window, 5, year, 4, reach=reach, lasting=lasting).ravel()
            for year in (2001, 2030)
        )
        return float(np.corrcoef(one, two)[0, 1])

    assert abs(correlation(0.0)) < 0.02
    # of normal noise the correlation is what lasts; Gumbel's is a little less
    assert correlation(0.5) == pytest.approx(0.48, abs=0.03)
    assert correlation(0.9, reach=2.0) == pytest.approx(0.89, abs=0.04)
    assert correlation(1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("reach", [0.0, 1.5])
def test_a_window_has_the_noise_of_the_whole(reach: float) -> None:
    whole = gumbel_noise(MESH, GLOBE.window, 1, 1999, 2, reach=reach)
    part = gumbel_noise(MESH, Window(20, 30, 15, 25), 1, 1999, 2, reach=reach)
    np.testing.assert_array_equal(part, whole[:, 20:35, 30:55])
    around = gumbel_noise(MESH, Window(20, 170, 15, 20), 1, 1999, 2, reach=reach)
    np.testing.assert_array_equal(around[:, :, 10 + 4 :], whole[:, 20:35, 4:10])
    assert (
        gumbel_noise(MESH, Window(0, 0, 9, 9), 2, 1999, 2, reach=reach) != whole[:, :9, :9]
    ).all()
    assert (
        gumbel_noise(MESH, Window(0, 0, 9, 9), 1, 2000, 2, reach=reach) != whole[:, :9, :9]
    ).all()
