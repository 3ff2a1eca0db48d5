"""The ledger: a small file of sums from which a comparison resumes and its tables are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai4land.errors import ConfigError
from ai4land.experiments.sums import CaseScores

__all__ = ["FORMAT", "SCORING", "Ledger"]

FORMAT = 1

SCORING = 1
"""Raised whenever scores come to mean something else: entries of another number are made anew."""

_KINDS = ("trainings", "baselines", "scores")
_SAID = ("digest", "date", "machine")


class Ledger:
    """What is known of the runs of a plan; each change is on disk before the next begins.

    An entry is found by the name of its run, so that tables need neither data nor checkpoints, and
    holds for as long as its digest is that of what decides it: experiment, cube, fold, seed, path.
    One entry is one line of the file, in the order of the names, so that a repository sees what
    is new.

    Args:
        path: The file; it need not exist.

    Raises:
        ConfigError: If it is no ledger, or of another format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._held: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _KINDS}
        if self.path.exists():
            self._held |= self._read()

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            fits = data["format"] == FORMAT and all(isinstance(data[k], dict) for k in _KINDS)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError("The ledger is damaged", where=self.path, found=error) from error
        if not fits:
            raise ConfigError(
                "The ledger has another format",
                where=self.path,
                expected=FORMAT,
                found=data["format"],
                remedy="name another file; the scores are then made anew",
            )
        return {kind: data[kind] for kind in _KINDS}

    def holds(self, kind: str, name: str, digest: str | None) -> bool:
        """Whether an entry stands that is still true; any if the digest is not known."""
        entry = self._held[kind].get(name)
        return entry is not None and (digest is None or entry["digest"] == digest)

    def minutes(self, training: str, digest: str | None = None) -> float | None:
        """Processor minutes of a training; ``None`` if it has not run."""
        if not self.holds("trainings", training, digest):
            return None
        return float(self._held["trainings"][training]["minutes"])

    def names(self, kind: str) -> list[str]:
        """Names of the entries of a kind."""
        return sorted(self._held[kind])

    def entry(self, kind: str, name: str) -> Mapping[str, Any]:
        """An entry as plain data."""
        return self._held[kind][name]

    def scores(self, name: str) -> CaseScores:
        """The scores of a model on a case."""
        return CaseScores.from_dict(self._held["scores"][name])

    def baselines(self, place: str) -> CaseScores:
        """The scores of the baselines on a case and fold."""
        return CaseScores.from_dict(self._held["baselines"][place])

    def put(self, kind: str, name: str, entry: Mapping[str, Any]) -> None:
        """Keep an entry and write the file."""
        self._held[kind][name] = dict(entry)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(self._text(), encoding="utf-8")
        part.replace(self.path)

    def _text(self) -> str:
        """The file: one line an entry."""
        blocks = []
        for kind in _KINDS:
            lines = [
                f"  {json.dumps(name)}: {json.dumps(entry, sort_keys=True, separators=(',', ':'))}"
                for name, entry in sorted(self._held[kind].items())
            ]
            blocks.append(f' "{kind}": {{\n' + ",\n".join(lines) + "\n }")
        return f'{{\n "format": {FORMAT},\n' + ",\n".join(blocks) + "\n}\n"
