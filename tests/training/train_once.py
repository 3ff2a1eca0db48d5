"""Fits networks as a program of its own: ``train_once.py EXPERIMENT.json OUT …``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lively_backbones import register

from ai4land.training import Experiment, prepare
from ai4land.training.networks import network_trainer

if __name__ == "__main__":
    register()
    for said, out in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        asked = Experiment.model_validate(json.loads(Path(said).read_text(encoding="utf-8")))
        trainer = network_trainer(asked)
        trainer.fit(prepare(asked), Path(out), 0, lambda step, figures: None)
