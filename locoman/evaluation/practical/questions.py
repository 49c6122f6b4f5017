"""What is asked to see how a base behaves; nobody looks at whether the answers are right."""

from __future__ import annotations

OPEN = (
    "Tell me a story about a ship and a storm.",
    "Explain how plants grow, step by step.",
    "Describe your favourite place in ten sentences.",
    "What should I know before I adopt a dog?",
    "Write a letter to a friend who has moved away.",
    "Explain the difference between weather and climate.",
    "List the months of the year and what people do in each.",
    "How is bread made? Begin with the grain.",
    "Why do we have seasons? Explain it to a child.",
    "Describe how a bicycle works.",
    "What happens when water boils, and why?",
    "Tell me about a day in the life of a farmer.",
)
"""Questions that ask for a long answer."""

TURNS = (
    "Hello! What can you help me with?",
    "Tell me more about that.",
    "Can you give an example?",
    "Why is that so?",
    "Now say the same in other words.",
    "What would you do next?",
    "And what if that does not work?",
    "Thank you. What else should I know?",
)
"""Turns of a conversation that can go on for ever."""
