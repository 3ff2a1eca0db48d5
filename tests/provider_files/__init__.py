"""Small files in the providers' own formats, with their traps: what the readers are tested on."""
