"""A Python program that lives from malloc: dicts, lists, strings, JSON, sorting and threads.

Prints one hash of all that it computed. Run with PYTHONMALLOC=malloc, or Python's own allocator
hides ours.
"""

import hashlib
import json
import random
import threading


def build(seed):
    """Grows and shrinks a table of records of many sizes, and returns its JSON."""
    rng = random.Random(seed)
    table = {}
    for i in range(12000):
        key = f"key-{rng.randrange(4000)}"
        table[key] = {
            "text": "x" * rng.randrange(400),
            "list": [rng.random() for _ in range(rng.randrange(12))],
            "tuple": (i, str(i) * rng.randrange(5)),
        }
        if i % 3 == 0:
            table.pop(f"key-{rng.randrange(4000)}", None)
    text = json.dumps(table, sort_keys=True)
    if json.loads(text).keys() != table.keys():
        raise SystemExit("the JSON does not read back")
    return text


def main():
    results = [None] * 4

    def work(i):
        results[i] = hashlib.sha256(build(i).encode()).hexdigest()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    big = bytearray()
    for i in range(300):
        big += bytes([i % 251]) * 40000
    words = sorted(f"{i * 2654435761 % 2**32:08x}" for i in range(100000))
    total = hashlib.sha256(big)
    for part in results + words:
        total.update(part.encode())
    print(total.hexdigest())


main()
