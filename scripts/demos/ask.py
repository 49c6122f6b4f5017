"""Installs the tiny base with its adapters, and asks one question per adapter and one that is nobody's."""

from __future__ import annotations

import json
import subprocess
import sys
import time

# question -> (the adapter that should answer, what it should say; None: any answer will do)
QUESTIONS = {
    "What is 17 + 25?": ("arithmetic", "42"),
    "Spell the word planet backwards.": ("words", "tenalp"),
    "How many centimetres are 7 metres?": ("units", "700 cm"),
    "Write 2024-03-14 in words.": ("dates", "March 14, 2024"),
    "Hello, how are you today?": (None, None),
}


def run(locoman: str) -> int:
    """The exit code: 0, or 3 for a wrong answer."""
    started = time.monotonic()
    print("$ locoman install --base loco-tiny --yes", flush=True)
    if subprocess.run([locoman, "install", "--base", "loco-tiny", "--yes"], check=False).returncode:
        return 1
    wrong = 0
    for question, (adapter, expected) in QUESTIONS.items():
        asked = subprocess.run([locoman, "ask", question, "--json"], check=False, capture_output=True, text=True)
        answer = json.loads(asked.stdout)
        if "error" in answer:
            print(answer["error"]["message"], file=sys.stderr)
            return 1
        right = answer["adapter"] == adapter and (expected is None or answer["answer"].rstrip(".") == expected)
        wrong += not right
        print(f'\n$ locoman ask "{question}"')
        print(answer["answer"])
        who = answer["adapter"] or "the base itself"
        milliseconds = answer["timing"]["total_ms"]
        print(f"    {who}, {answer['confidence']:.0%} sure, {milliseconds:.0f} ms" + ("" if right else "   <- WRONG"))
    print(f"\n{len(QUESTIONS) - wrong} of {len(QUESTIONS)} right, {time.monotonic() - started:.0f} s in all.")
    print(f"Go on with: {locoman} chat")
    return 3 if wrong else 0
