"""The tool panel: builds a command line, runs it and shows the jobs; it has no logic of its own."""
