"""Tests of `adp3d.structure`."""
