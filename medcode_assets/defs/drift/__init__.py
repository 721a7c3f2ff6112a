"""Assets that watch the models."""
