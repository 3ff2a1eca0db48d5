"""One of each thing that the package can be given from outside, a file each."""
