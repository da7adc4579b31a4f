"""Distance restraints: file readers, and their translation to what a backbone model has."""
