"""Tables: scores and descriptions as plain text cells."""
