"""The pictures a poster can carry; which one is chosen by the movie's words and genres."""
