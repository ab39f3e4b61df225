"""A box from one file: host name, network, stations, people's rights, where updates come from."""
