"""What moves between two connections, and what happened to it."""
