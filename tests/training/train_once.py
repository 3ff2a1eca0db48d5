"""Fits one network as a program of its own: ``train_once.py EXPERIMENT.json OUT``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lively_backbones import register

from ai4land.training import Experiment, prepare
from ai4land.training.networks import network_trainer

if __name__ == "__main__":
    register()
    said = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asked = Experiment.model_validate(said)
    trainer = network_trainer(asked)
    trainer.fit(prepare(asked), Path(sys.argv[2]), 0, lambda step, figures: None)
