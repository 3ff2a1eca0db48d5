"""Writers of files in the providers' own formats, as far as the synthetic planet needs them."""
