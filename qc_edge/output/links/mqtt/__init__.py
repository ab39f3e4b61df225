"""The line over an MQTT broker: topics and messages, and the client."""
