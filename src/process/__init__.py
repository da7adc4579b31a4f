"""The engine as another process: its environment, how it is started, and what is said to it."""
