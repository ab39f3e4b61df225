"""Two models, or two engines, over the same inputs."""
