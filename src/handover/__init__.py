"""Open maps, models and sequences as inputs of a job, and its result back into the session."""
