"""Land cover: annual maps of ESA CCI, native or on coarser cells."""
