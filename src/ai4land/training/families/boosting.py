"""The trainer of gradient boosting: pixels spooled to disk, and trees until they help no more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.errors import SampleError
from ai4land.models import (
    Boosting,
    BoostingOptions,
    PixelView,
    reached,
    xgboost,
)
from ai4land.training.families.judging import judged
from ai4land.training.families.markov import counted_chain
from ai4land.training.families.pixels import PixelBatch, joined, pixel_batches
from ai4land.training.setting import Setting
from ai4land.training.trainer import FamilyTrainer, Report, Trained

__all__ = ["BoostingTrainer"]

_BATCH = 65_536  # pixels handed over at once


class BoostingTrainer(FamilyTrainer[BoostingOptions]):
    """Grows trees on pixels of the training split, and stops by the validation split."""

    kind = BoostingOptions

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Grow the trees from the start; see ``Trainer``.

        What each feature adds to the likelihood, as shares, is left in ``gain.json``.
        """
        view = self.options.view(counted_chain(setting))
        spool = folder / "pixels"
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir(parents=True)
        try:
            booster = self._grown(setting, view, spool, seed, report)
        finally:
            shutil.rmtree(spool, ignore_errors=True)
        made = Boosting(view, booster, self.options)
        verdict, figures = judged(made, setting)
        report(setting.experiment.training.steps, figures)
        gains: dict[str, float] = booster.get_score(importance_type="total_gain")
        total = sum(gains.values()) or 1.0
        shares = {k: gains[k] / total for k in sorted(gains, key=gains.__getitem__, reverse=True)}
        (folder / "gain.json").write_text(json.dumps(shares, indent=1) + "\n", encoding="utf-8")
        return Trained(made, verdict)

    def _grown(
        self, setting: Setting, view: PixelView, spool: Path, seed: int, report: Report
    ) -> Any:  # noqa: ANN401
        """The booster."""
        options, library = self.options, xgboost()
        rng = np.random.default_rng([seed, 5])
        train = self._matrix(setting, view, spool / "train", rng)
        if train is None:
            raise SampleError("The training split holds no pixel to learn from")
        check = self._matrix(setting, view, spool / "validation", rng, like=train)
        steps = setting.experiment.training.steps

        def after(done: int, figures: dict[str, float]) -> None:
            report(max(done * steps // (options.rounds + 1), 1), figures)

        found = library.train(
            {
                "objective": "multi:softprob",
                "eval_metric": "mlogloss",
                "num_class": len(reached(view)),
                "tree_method": "hist",
                "max_depth": options.depth,
                "eta": options.rate,
                "min_child_weight": options.least,
                "lambda": options.penalty,
                "colsample_bytree": options.features,
                "max_bin": options.bins,
                "nthread": options.threads,
                "seed": seed,
            },
            train,
            num_boost_round=options.rounds,
            evals=[] if check is None else [(check, "validation")],
            early_stopping_rounds=None if check is None else options.patience,
            verbose_eval=False,
            callbacks=[_reporter(library, after)],
        )
        best = found.num_boosted_rounds() if check is None else found.best_iteration + 1
        kept = found[:best]
        kept.set_attr(best_iteration=None, best_score=None)
        return kept

    def _matrix(
        self,
        setting: Setting,
        view: PixelView,
        folder: Path,
        rng: np.random.Generator,
        like: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Binned pixels of a split, by way of the disk; ``None`` if there is none."""
        folder.mkdir()
        sampler, damaged = (setting.sampler, True) if like is None else (setting.judge, False)
        batches = pixel_batches(sampler, view, self.options.pixels, rng, damaged=damaged)
        files = [_spooled(part, folder / f"{i}.npz", view) for i, part in enumerate(_even(batches))]
        if not files:
            return None
        library = xgboost()
        kind = library.ExtMemQuantileDMatrix if self.options.external else library.QuantileDMatrix
        cache = str(folder / "cache") if self.options.external else None
        return kind(
            _iterator(library, files, view.names, cache),
            max_bin=self.options.bins,
            nthread=self.options.threads,
            ref=like,
        )


def _even(batches: Iterator[PixelBatch]) -> Iterator[PixelBatch]:
    """Batches of windows put together to such as are worth a file."""
    held: list[PixelBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(len(b.truth) for b in held) >= _BATCH:
            yield joined(held)
            held = []
    if held:
        yield joined(held)


def _spooled(batch: PixelBatch, file: Path, view: PixelView) -> Path:
    """A batch on disk, its classes counted among those reached."""
    classes = reached(view)
    held = np.isin(batch.truth, classes)
    np.savez(
        file,
        data=batch.rows.features[held],
        label=np.searchsorted(classes, batch.truth[held]),
        weight=batch.weight[held],
        base_margin=batch.rows.start[held][:, classes],
    )
    return file


def _iterator(library: Any, files: list[Path], names: tuple[str, ...], cache: str | None) -> Any:  # noqa: ANN401
    """The batches for ``xgboost``, as often as it wants them; defined late, as its base is."""

    class Batches(library.DataIter):  # type: ignore[misc]
        def __init__(self) -> None:
            self.place = 0
            super().__init__(cache_prefix=cache)

        def next(self, input_data: Callable[..., None]) -> bool:
            if self.place == len(files):
                return False
            with np.load(files[self.place]) as held:
                input_data(**held, feature_names=_plain(names))
            self.place += 1
            return True

        def reset(self) -> None:
            self.place = 0

    return Batches()


def _plain(names: tuple[str, ...]) -> list[str]:
    """Names without the brackets that XGBoost refuses."""
    return [name.translate(str.maketrans("[]<", "()-")) for name in names]


def _reporter(library: Any, after: Callable[[int, dict[str, float]], None]) -> Any:  # noqa: ANN401
    """A callback of ``xgboost`` that tells how far it is."""

    class Reporter(library.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: object, epoch: int, evals_log: Any) -> bool:  # noqa: ANN401
            losses: list[float] = evals_log.get("validation", {}).get("mlogloss", [np.nan])
            after(epoch + 1, {"loss": losses[-1]})
            return False

    return Reporter()
