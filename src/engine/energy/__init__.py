"""Energies that a diffusion model has learned: how unlikely it finds a structure, in nats."""
