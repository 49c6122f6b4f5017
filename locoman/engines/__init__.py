"""Who answers: the host, the OpenAI client, scripted answers."""
