#!/usr/bin/env bash
# python3.sh: words, objects and documents in the interpreter, which asks malloc for each of its objects
# (PYTHONMALLOC=malloc) instead of its own pools. --ops are records.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
name=python3 package=python3

generate() {
    cat >"$1/main.py" <<'PY'
import hashlib, json, sys

class Node:
    def __init__(self, key, text):
        self.key, self.text, self.next = key, text, []

def stream(x):
    while True:
        x = x * 48271 % 2147483647
        yield x

ops, draw = int(sys.argv[1]), stream(4711)
index, nodes = {}, []
for i in range(ops):
    x = next(draw)
    node = Node(x % 5003, " ".join("w%d" % ((x + 17 * k) % 1009) for k in range(x % 10 + 1)))
    nodes.append(node)
    index.setdefault(node.key, []).append(node)
for node in nodes:
    node.next = [other for other in index.get((node.key * 7 + 1) % 5003, ()) if other is not node][:3]
words = {}
for node in nodes:
    for word in node.text.split():
        words[word] = words.get(word, 0) + 1
document = json.dumps([{"key": n.key, "text": n.text, "next": [o.key for o in n.next]} for n in nodes])
back = json.loads(document)
back.sort(key=lambda record: (record["key"], record["text"]))
nodes = [node for node in nodes if node.key % 2]
print(len(nodes), len(document), hashlib.sha256(document.encode()).hexdigest())
for word, count in sorted(words.items()):
    print(word, count)
for record in back[::37]:
    print(record["key"], record["text"], record["next"])
PY
}

execute() {
    export PYTHONMALLOC=malloc PYTHONHASHSEED=0
    measured "$program" -I -S "$input/main.py" "$ops"
}

drive "$@"
