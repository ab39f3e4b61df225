"""Which pictures go when, and their going: a row for each inspection first, then the files.

Rows are never deleted. Nothing here is asked whether a picture is disputed, held, of a FAIL that
nobody has looked at, or not upstream yet: such a picture does not go, whatever the rules say.
"""
