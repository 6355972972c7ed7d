"""measure.py FILE COMMAND...: runs COMMAND, writes `CPU_MS PEAK_RSS_KIB` of it and its children
to FILE, and ends as it did."""

import resource
import subprocess
import sys

status = subprocess.run(sys.argv[2:], check=False).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w", encoding="ascii") as out:
    print(int((used.ru_utime + used.ru_stime) * 1000), used.ru_maxrss, file=out)
sys.exit(128 - status if status < 0 else status)
