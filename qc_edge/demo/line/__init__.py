"""The demo with a line: a conveyor, an ejector and a PLC in plain Python, over Modbus TCP."""
