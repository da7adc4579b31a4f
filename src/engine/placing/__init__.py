"""From fragments and sequences to the residues of a job, and from its result back to the user's model."""
