"""The report of a part: what it says, and that it says so when something is wrong."""
