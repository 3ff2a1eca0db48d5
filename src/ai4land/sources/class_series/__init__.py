"""Series of class maps of anybody, and how flicker is taken out of them."""
