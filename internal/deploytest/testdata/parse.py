"""Runs many gcloud commands in one process, since each start takes a second of CPU.

Each input line is a JSON list of gcloud's arguments. Each output line is a JSON
object with the exit code and the output of the command.
"""
import contextlib
import io
import json
import os
import sys

root = sys.argv[1]
sys.path[:0] = [os.path.join(root, "lib"), os.path.join(root, "lib", "third_party")]

from googlecloudsdk import gcloud_main  # noqa: E402
from googlecloudsdk.core import log  # noqa: E402

commands = os.fdopen(os.dup(0))
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # commands read an empty standard input
cli = gcloud_main.CreateCLI([])
for line in commands:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        log.Reset(output, output)
        code = 0
        try:
            cli.Execute(json.loads(line))
        except SystemExit as end:
            code = end.code
    print(json.dumps({"code": code, "output": output.getvalue()}), flush=True)
