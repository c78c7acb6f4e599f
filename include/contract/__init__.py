"""What batch and serving promise each other; standard library only."""
