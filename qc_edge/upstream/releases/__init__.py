"""What a plant has approved for its stations, signed upstream; brought here and staged, no more."""
