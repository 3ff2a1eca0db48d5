"""The product: a finished run as files that others open, each written whole and once."""

from ai4land.product.folder import Folder, Planned, Written
from ai4land.product.fractions import coarse_cells
from ai4land.product.maps import Maps, open_maps, runs_in
from ai4land.product.metadata import NOT_STATED, Metadata, Party, load_metadata
from ai4land.product.products import PRODUCTS, write_product
from ai4land.product.release import Options, Release

__all__ = [
    "NOT_STATED",
    "PRODUCTS",
    "Folder",
    "Maps",
    "Metadata",
    "Options",
    "Party",
    "Planned",
    "Release",
    "Written",
    "coarse_cells",
    "load_metadata",
    "open_maps",
    "runs_in",
    "write_product",
]
