"""The station as measuring equipment: challenge parts, suspect parts and blind studies."""
