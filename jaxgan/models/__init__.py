"""One paper a file: its configuration, networks, losses and game."""
