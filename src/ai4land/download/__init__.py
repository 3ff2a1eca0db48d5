"""Download: a product's files from where the provider keeps them, each checked."""

from ai4land.download.addresses import Dataset, RemoteFile, dataset, datasets
from ai4land.download.fetching import Item, fetch, links_in, measured, wanted

__all__ = [
    "Dataset",
    "Item",
    "RemoteFile",
    "dataset",
    "datasets",
    "fetch",
    "links_in",
    "measured",
    "wanted",
]
