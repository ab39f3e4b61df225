"""What persons have decided, on disk: dated records proven by a digest, never changed or
removed.
"""
