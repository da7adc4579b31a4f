"""What several replicas tell together: ranking, recombination, confidence, energy."""
