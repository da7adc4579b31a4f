"""Chains traced through free density: where missing residues may run, before any of them is built."""
