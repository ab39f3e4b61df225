"""Parts that several views see: the rules that decide them, and what the line is told."""
