"""What other programs ask of a station: parts, labels, status and recipe, under /api/v1.

They prove who they are by a token and by nothing else: no cookie opens anything here.
"""
