"""Writers of files as the providers write them, at any size, with their traps."""
