"""Who may use the page: names, roles, passwords, sessions. Knows nothing of parts."""
