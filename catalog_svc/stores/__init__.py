"""Where the catalogue is kept: MongoDB, and what this process remembers of it."""
