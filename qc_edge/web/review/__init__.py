"""Review: which part a person is shown, what they draw on it, and what they say of it."""
