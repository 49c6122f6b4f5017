"""The four tasks, one module each, and their table."""

from tiny.tasks.arithmetic import ARITHMETIC
from tiny.tasks.dates import DATES
from tiny.tasks.task import Pair, Task
from tiny.tasks.units import UNITS
from tiny.tasks.words import WORDS

TASKS: dict[str, Task] = {task.name: task for task in (ARITHMETIC, DATES, WORDS, UNITS)}

__all__ = ["TASKS", "Pair", "Task"]
