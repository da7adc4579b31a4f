"""Solvers: Algorithm 1 of ADP-3D, baselines, and the choice among replicas."""
