"""The library of trees, imported when it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from ai4land.errors import ConfigError

__all__ = ["xgboost"]


def xgboost() -> Any:  # noqa: ANN401
    """The module ``xgboost``.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return importlib.import_module("xgboost")
    except ImportError as error:
        raise ConfigError(
            "The family 'boosting' needs a library that is not installed",
            expected="xgboost",
            found=error,
            remedy="pip install 'ai4land[trees]'",
        ) from error
