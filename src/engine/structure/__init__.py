"""Structures: reading, sequence placement, backbone geometry and writing."""
