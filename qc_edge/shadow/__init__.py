"""The shadow: a second bundle that scores what the line has been told already. Changes nothing."""
