"""From prepared frames to scores: the models on the frames in hand, each on its engine's thread."""
