"""Three small made-up subjects to fit routers on in tests."""

from __future__ import annotations

from locoman.routing.examples import AdapterExamples

_CITIES = ("Oslo", "Lima", "Cairo", "Quito", "Tunis", "Dakar", "Hanoi", "Kyoto")
_DISHES = ("soup", "bread", "pancakes", "curry", "salad", "dumplings", "pudding", "stew")

SUMS = AdapterExamples(
    "sums",
    mine=tuple(
        text.format(a=a, b=2 * a + 1)
        for a in (3, 14, 70)
        for text in (
            "What is {a} + {b}?",
            "add {a} and {b}",
            "how much is {a} times {b}",
            "{b} minus {a}",
            "Divide {b} by {a}.",
            "the sum of {a} and {b} please",
            "calculate {a} * {b}",
            "subtract {a} from {b}",
        )
    ),
)
TRAVEL = AdapterExamples(
    "travel",
    mine=tuple(
        text.format(city=city)
        for city, text in zip(
            _CITIES * 3,
            (
                "How do I get to {city} by train?",
                "which hotel in {city} is near the station",
                "Book me a flight to {city}.",
                "is there a night train to {city}",
                "What sights are there in {city}?",
                "cheap tickets to {city}",
                "Show me a map of {city}.",
                "when does the ferry for {city} leave",
            )
            * 3,
            strict=True,
        )
    ),
)
COOKING = AdapterExamples(
    "cooking",
    mine=tuple(
        text.format(dish=dish)
        for dish, text in zip(
            _DISHES * 3,
            (
                "How long must {dish} cook?",
                "a recipe for {dish}",
                "Which spices go into {dish}?",
                "my {dish} is burnt, what now",
                "What can I serve with {dish}?",
                "How do I make {dish} without eggs?",
                "ingredients of {dish} for two",
                "Can I freeze {dish}?",
            )
            * 3,
            strict=True,
        )
    ),
)
SUBJECTS = (SUMS, TRAVEL, COOKING)
NONE = (
    "Who wrote this song?",
    "My cat sleeps all day.",
    "I feel a bit sad today.",
    "Why is the sky blue?",
    "Tell me something funny.",
    "Thanks a lot!",
    "What is your favourite film?",
    "Do you like football?",
    "I lost my keys again.",
    "How old is the Earth?",
    "Which phone is the best?",
    "Good morning!",
    "Is it going to rain?",
    "My teacher is ill.",
    "What does an architect do?",
    "I have three sisters.",
    "Who won the match last night?",
    "Can fish hear?",
    "Let us talk about music.",
    "Why do people dream?",
)

PLANETS = (
    "Which planet is closest to the sun?",
    "How many moons has Saturn?",
    "Why is Mars red?",
    "How big is Jupiter compared to Earth?",
    "Is there water on Venus?",
    "Which planet has the most rings?",
    "How long is a year on Neptune?",
    "Is Pluto still a planet?",
    "What is Mercury made of?",
    "Can one live on Mars?",
    "How far is Uranus from the sun?",
    "Who discovered Neptune?",
    "Why does Venus shine so brightly?",
    "What is the Great Red Spot?",
    "Which planets can be seen without a telescope?",
    "How hot is it on Mercury?",
    "Do all planets turn the same way?",
    "What are Saturn's rings made of?",
    "Which planet is the coldest?",
    "How many planets are there?",
)
"""What an honest adapter that knows little asks for."""
