"""Jobs as ChimeraX sees them: their state, their queue and their place in the task manager."""
