"""What the worker does besides for a client on another computer: files in and out, jobs that outlive the connection."""
