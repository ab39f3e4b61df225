"""Who may do what: root among a station's files, plain users, two processes of one station."""
