"""One module per part: its command, its environment, its health."""
