"""What a running job looks like: models that move, colours, trajectories, sessions."""
