"""The trained model's folder: weights that cannot run code, and a typed card."""

from ai4land.checkpoint.card import Card, Domain
from ai4land.checkpoint.migration import decisions_by_odds
from ai4land.checkpoint.store import load_card, load_checkpoint, save_checkpoint

__all__ = ["Card", "Domain", "decisions_by_odds", "load_card", "load_checkpoint", "save_checkpoint"]
