"""A starting model against the map it lies in: what the map supports, and misplaced parts put where they belong."""
