"""Reanalyses: monthly weather made of ERA5, ERA5-Land and WFDE5."""
