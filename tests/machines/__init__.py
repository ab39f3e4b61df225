"""A station on two machines of their own, its spool on a file server; not in `make test`."""
