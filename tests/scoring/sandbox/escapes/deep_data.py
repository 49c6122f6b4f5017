import ast
import json
import re

from world import done

for work in (
    lambda: json.loads("[" * 10**6 + "]" * 10**6),
    lambda: ast.literal_eval("(" * 10**5 + ")" * 10**5),
    lambda: re.compile("(" * 10**5 + ")" * 10**5),
    lambda: eval("+".join(["1"] * 10**5)),
):
    try:
        work()
    except (RecursionError, MemoryError, ValueError, SyntaxError, OverflowError):
        pass
done()
