"""A new station, and the box as an appliance: settings, units, files put in place or taken away."""
