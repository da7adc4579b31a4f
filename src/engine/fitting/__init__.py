"""Models against maps: rigid bodies found anywhere, what the map supports of a model, and misplaced parts moved."""
