"""Packing: which stored numbers of a NetCDF variable are missing, and what the others mean.

NetCDF User Guide, appendix A (``_FillValue``, ``missing_value``, ``valid_min``, ``valid_max``,
``valid_range``, ``_Unsigned``, ``scale_factor``, ``add_offset``) and CF conventions, section 2.5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError

__all__ = ["Packing", "whole"]

Array = npt.NDArray[Any]
Number = int | float

_FILLS = ("_FillValue", "missing_value", "_Fillvalue", "_fillvalue")  # two are misspelt in LUH
_LONGEST = 10_000_000  # numbers of an axis or a curve, which are read at once


def whole(array: netCDF4.Variable[Any], where: object) -> Array:
    """All that a short variable holds, as stored: an axis, its bounds, a curve, a list of names.

    Raises:
        SourceError: If its header declares more than any axis has.
    """
    if array.size > _LONGEST:
        raise SourceError(
            "A variable is longer than can be read at once",
            where=f"{where}, {array.name}",
            expected=f"at most {_LONGEST:,} numbers",
            found=f"{array.size:,}",
            remedy="compare the file's checksum with the provider's and fetch it again",
        )
    return np.asarray(array[:])


@dataclass(frozen=True, slots=True)
class Packing:
    """How the numbers of a variable are stored.

    Attributes:
        dtype: Type of the numbers as meant: unsigned where ``_Unsigned`` says so.
        fills: Stored numbers that mean "missing"; each of them fits the type.
        low: Smallest stored number that is a value; ``None`` without a limit.
        high: Largest stored number that is a value; ``None`` without a limit.
        scale: Factor from stored to meant.
        offset: Meant value of a stored 0.
    """

    dtype: np.dtype[Any]
    fills: tuple[Number, ...] = ()
    low: Number | None = None
    high: Number | None = None
    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, array: netCDF4.Variable[Any]) -> Packing:
        """The packing of a variable of an open file, by its attributes and the library's fill.

        Raises:
            SourceError: If it does not hold numbers, or its scale is none.
        """
        attributes = {name: array.getncattr(name) for name in array.ncattrs()}
        if "_FillValue" not in attributes and np.dtype(array.dtype).itemsize > 1:
            fill = array.get_fill_value()  # of parts never written; bytes have no such default
            attributes |= {} if fill is None else {"_FillValue": fill}
        return cls.of_attributes(np.dtype(array.dtype), attributes, array.name)

    @classmethod
    def of_attributes(
        cls, stored: np.dtype[Any], attributes: Mapping[str, Any], where: object
    ) -> Packing:
        """The packing that attributes tell.

        Args:
            stored: Type in the file.
            attributes: Attributes of the variable.
            where: Variable, for the error text.

        Raises:
            SourceError: If the type is not numeric, or the scale factor is not a number or 0.
        """
        if stored.kind not in "iuf":
            raise SourceError(
                "The variable does not hold numbers", where=where, found=f"type {stored}"
            )
        unsigned = str(attributes.get("_Unsigned", "")).strip().lower()
        dtype = stored.newbyteorder("=")
        if unsigned == "true" and stored.kind == "i":
            dtype = np.dtype(f"u{stored.itemsize}")
        elif unsigned == "false" and stored.kind == "u":
            dtype = np.dtype(f"i{stored.itemsize}")
        scale, offset = (
            _single(attributes.get(name), default, f"{where}, {name}")
            for name, default in (("scale_factor", 1.0), ("add_offset", 0.0))
        )
        if scale == 0.0:
            raise SourceError("The scale factor is 0", where=f"{where}, scale_factor")
        fills = (
            number
            for name in _FILLS
            for given in _numbers(attributes.get(name))
            for number in _stored(given, dtype, stored)
        )
        low, high = _valid(attributes, dtype, stored, scale, offset)
        return cls(dtype, tuple(dict.fromkeys(fills)), low, high, scale, offset)

    @property
    def packed(self) -> bool:
        """Whether stored numbers and values differ."""
        return (self.scale, self.offset) != (1.0, 0.0)

    def stored(self, raw: Array) -> Array:
        """Numbers as meant by the type: signed bytes of ``_Unsigned`` as unsigned."""
        raw = np.asarray(raw)
        if raw.dtype.kind != self.dtype.kind and raw.dtype.itemsize == self.dtype.itemsize:
            return np.ascontiguousarray(raw.astype(raw.dtype.newbyteorder("="))).view(self.dtype)
        return raw

    def missing(self, raw: Array) -> npt.NDArray[np.bool_]:
        """Where nothing is stored, same shape as ``raw``."""
        numbers = self.stored(raw)
        if numbers.dtype.kind == "f":
            out = np.isnan(numbers)
        else:
            out = np.zeros(numbers.shape, dtype=np.bool_)
        for fill in self.fills:
            out |= numbers == self.dtype.type(fill)
        if self.low is not None:
            out |= numbers < self.low
        if self.high is not None:
            out |= numbers > self.high
        return out

    def values(self, raw: Array) -> npt.NDArray[np.float64]:
        """Values in the variable's units, NaN missing, float64 of the shape of ``raw``."""
        values = self.stored(raw).astype(np.float64)
        if self.packed:
            values = values * self.scale + self.offset
        values[self.missing(raw)] = np.nan
        return values

    def floats(self, raw: Array) -> npt.NDArray[np.float32]:
        """``values`` as float32, computed in float64 where they are packed."""
        with np.errstate(over="ignore"):
            if self.packed:
                return self.values(raw).astype(np.float32)
            values = self.stored(raw).astype(np.float32)
        values[self.missing(raw)] = np.nan
        return values


def _numbers(given: object) -> Iterator[Any]:
    """The numbers of an attribute: a scalar, a vector, or either as text."""
    if given is None:
        return
    if isinstance(given, str | bytes):
        text = given.decode("latin-1") if isinstance(given, bytes) else given
        for word in text.replace(",", " ").split():
            try:
                yield np.float64(word.rstrip("fFdDbBsSlL") or word)
            except ValueError:
                continue  # a word such as "none" is no number, and masks nothing
        return
    for entry in np.atleast_1d(np.asarray(given)).ravel():
        if isinstance(entry, str | bytes):
            yield from _numbers(entry)
        elif np.asarray(entry).dtype.kind in "iuf":
            yield entry


def _stored(given: np.generic, dtype: np.dtype[Any], stored: np.dtype[Any]) -> Iterator[Number]:
    """The stored numbers that an attribute's number can be; none if the type cannot hold it.

    An attribute of the variable's own signed type is unsigned with it. One of float32 stands for
    its decimal digits too, for double numbers were written from the same digits.
    """
    own = np.asarray(given).dtype
    if dtype.kind in "iu":
        if _alike(own, dtype, stored):
            yield int(np.asarray(given).astype(own.newbyteorder("=")).view(dtype))
            return
        number = given if own.kind in "iu" else float(given)
        if not np.isfinite(number) or number != np.rint(number):
            return
        limits = np.iinfo(dtype)
        if limits.min <= int(number) <= limits.max:
            yield int(number)
        return
    with np.errstate(over="ignore", under="ignore"):
        number = float(dtype.type(given))
    if np.isfinite(number) and (number != 0.0 or given == 0):
        yield number
        if own == np.float32 and dtype == np.float64:
            yield float(str(given))


def _alike(own: np.dtype[Any], dtype: np.dtype[Any], stored: np.dtype[Any]) -> bool:
    """Whether an attribute's whole number is stored as the variable's are."""
    return own.kind in "iu" and own.itemsize == dtype.itemsize and own.kind == stored.kind


def _single(given: object, default: float, where: object) -> float:
    """One finite number of an attribute."""
    if given is None:
        return default
    numbers = [float(n) for n in _numbers(given)]
    if len(numbers) != 1 or not np.isfinite(numbers[0]):
        raise SourceError(
            "An attribute of the variable is not one number",
            where=where,
            found=repr(given),
            remedy="correct it, or delete it where the numbers are not packed",
        )
    return numbers[0]


def _valid(
    attributes: Mapping[str, Any],
    dtype: np.dtype[Any],
    stored: np.dtype[Any],
    scale: float,
    offset: float,
) -> tuple[Number | None, Number | None]:
    """Smallest and largest stored number that is a value.

    Limits are of stored numbers; of integers that are packed, limits that are written as floats
    are of values (NetCDF User Guide). A range without numbers, or upside down, limits nothing.
    """
    pair = list(_numbers(attributes.get("valid_range")))
    if len(pair) != 2:
        ends = [list(_numbers(attributes.get(name))) for name in ("valid_min", "valid_max")]
        pair = [end[0] if len(end) == 1 else None for end in ends]
    limits = [None if end is None else _limit(end, dtype, stored, scale, offset) for end in pair]
    if scale < 0 and any(_of_values(end, dtype, scale, offset) for end in pair if end is not None):
        limits = limits[::-1]
    low, high = limits
    if low is not None and high is not None and low > high:
        return None, None
    return low, high


def _of_values(given: np.generic, dtype: np.dtype[Any], scale: float, offset: float) -> bool:
    """Whether a limit is of values and not of the stored numbers."""
    is_float = np.asarray(given).dtype.kind == "f"
    return is_float and dtype.kind in "iu" and (scale, offset) != (1.0, 0.0)


def _limit(
    given: np.generic, dtype: np.dtype[Any], stored: np.dtype[Any], scale: float, offset: float
) -> Number | None:
    """A limit of stored numbers; of floats it is rounded as the numbers are."""
    if not np.isfinite(given):
        return None
    if _of_values(given, dtype, scale, offset):
        limit = (float(given) - offset) / scale
        near = round(limit)
        return near if abs(limit - near) < 1e-4 else limit
    own = np.asarray(given).dtype
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return float(dtype.type(given))
    if _alike(own, dtype, stored):
        return int(np.asarray(given).astype(own.newbyteorder("=")).view(dtype))
    return int(given) if own.kind in "iu" else float(given)
