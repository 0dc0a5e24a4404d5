#!/usr/bin/env python3
"""Runs a command and prints {"seconds": its wall time, "peak_bytes": the most memory it had resident} as JSON.

usage: process_cost.py COMMAND ARGUMENT...
The command's own output is dropped; its exit code is passed on.
"""
import json
import resource
import subprocess
import sys
import time

start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "peak_bytes": peak}))
sys.exit(code)
