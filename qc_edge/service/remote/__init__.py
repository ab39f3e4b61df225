"""What another machine serves: which directories those are, and whether it answers."""
