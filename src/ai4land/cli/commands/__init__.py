"""Commands of the program, one module each, named as the command."""
