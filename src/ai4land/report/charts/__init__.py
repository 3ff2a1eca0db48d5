"""Charts: curves as inline SVG."""
