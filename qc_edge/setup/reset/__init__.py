"""Makes a box what it was before it was set up: a plan that can be read, then the plan."""
