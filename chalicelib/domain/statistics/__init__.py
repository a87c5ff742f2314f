"""Statistics over plain numbers: pure functions, standard library only, each with its source."""
