"""The line as a client of an OPC UA server with the companion specification Machine Vision."""
