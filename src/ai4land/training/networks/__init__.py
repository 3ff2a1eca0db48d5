"""The trainer of networks: one loop to be read from top to bottom, its loss, its resuming."""

from ai4land.training.networks.loop import NetworkTrainer, network_trainer

__all__ = ["NetworkTrainer", "network_trainer"]
