"""Lets gcloud's own command line read many commands in one process.

Each line of standard input is a JSON list of words behind "gcloud"; each line
of standard output says how that ended, and what gcloud said. Starting gcloud
anew for each takes a second of CPU.
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
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what reads standard input finds nothing
cli = gcloud_main.CreateCLI([])
for line in commands:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        log.Reset(said, said)
        code = 0
        try:
            cli.Execute(json.loads(line))
        except SystemExit as end:
            code = end.code
    print(json.dumps({"code": code, "said": said.getvalue()}), flush=True)
