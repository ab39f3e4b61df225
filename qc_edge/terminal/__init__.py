"""What the commands share at the terminal: options, tables, image files as arguments, the SQL
shell.
"""
