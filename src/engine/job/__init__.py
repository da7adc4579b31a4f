"""Machinery of jobs: folder, lock, log, checkpoints, memory, running and stopping; no science."""
