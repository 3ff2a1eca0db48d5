"""The errors a user of AI4Land can meet: each says what, where, expected, found and the remedy."""

from __future__ import annotations

__all__ = [
    "AI4LandError",
    "CheckpointError",
    "ConfigError",
    "CubeError",
    "GridError",
    "Interrupted",
    "MissingFileError",
    "SampleError",
    "SourceError",
    "VocabularyError",
    "WorkerLostError",
]


class AI4LandError(Exception):
    """The base of all errors raised on purpose.

    Args:
        what: One sentence without a full stop: what went wrong.
        where: The file, variable, year or cell it concerns.
        expected: What would have been right.
        found: What was there instead.
        remedy: What the user can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.found = found
        self.remedy = remedy
        parts = [what.rstrip(".")]
        parts += [
            f"  {label}: {value}"
            for label, value in (
                ("where", where),
                ("expected", expected),
                ("found", found),
                ("remedy", remedy),
            )
            if value is not None
        ]
        super().__init__("\n".join(parts))


class VocabularyError(AI4LandError, KeyError):
    """A name, class code or unit that the vocabulary does not hold."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class ConfigError(AI4LandError, ValueError):
    """A recipe or experiment that cannot be carried out as written."""


class GridError(AI4LandError, ValueError):
    """A geometry that is impossible, or two geometries that do not belong together."""


class SourceError(AI4LandError, ValueError):
    """A provider's file that is not what its product promises."""


class MissingFileError(AI4LandError, FileNotFoundError):
    """A file or a year of a series that is not there."""

    __str__ = Exception.__str__


class CubeError(AI4LandError, ValueError):
    """A cube that is incomplete, damaged or of another schema."""


class SampleError(AI4LandError, ValueError):
    """Samples or states that cannot be drawn, or that do not fit their task."""


class CheckpointError(AI4LandError, ValueError):
    """A trained model's file that is damaged, or that does not fit the cube."""


class Interrupted(AI4LandError):
    """Work that was asked to stop and stands where the same call goes on with it."""


class WorkerLostError(AI4LandError):
    """A worker that is gone: nothing is wrong with its work, which another may do."""
