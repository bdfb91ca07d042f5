"""Runs gcloud commands for the programs that connect to a socket, in one process, since each start takes a second.

A connection sends one line: a JSON object with the arguments, the folder, and the standard input in base64. It
receives a JSON object with the exit code and both outputs in base64.
"""
import base64
import json
import os
import socket
import sys
import tempfile
import time

root, address = sys.argv[1:3]
sys.path[:0] = [os.path.join(root, "lib"), os.path.join(root, "lib", "third_party")]

sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.01))  # gcloud's own pauses between tries

from googlecloudsdk import gcloud_main  # noqa: E402
from googlecloudsdk.core import log  # noqa: E402


def run(request):
    """Runs a command with files as its standard streams: some of gcloud's tasks are processes of their own."""
    os.chdir(request["folder"])
    files = [tempfile.TemporaryFile() for _ in range(3)]
    files[0].write(base64.b64decode(request["stdin"]))
    files[0].seek(0)
    kept = [os.dup(fd) for fd in range(3)]
    for fd, file in enumerate(files):
        os.dup2(file.fileno(), fd)
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", closefd=False)
    log.Reset(sys.stdout, sys.stderr)
    code = 0
    try:
        gcloud_main.CreateCLI([]).Execute(request["args"])
    except SystemExit as end:
        code = end.code or 0
    except BaseException as error:  # a crash of gcloud's is a result, too
        sys.stderr.write("crash: %r" % error)
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    for fd, saved in enumerate(kept):
        os.dup2(saved, fd)
        os.close(saved)
    out = []
    for file in files[1:]:
        file.seek(0)
        out.append(base64.b64encode(file.read()).decode())
    return {"code": code, "stdout": out[0], "stderr": out[1]}


server = socket.socket(socket.AF_UNIX)
server.bind(address)
server.listen()
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    with connection, connection.makefile("rw") as stream:
        request = json.loads(stream.readline())
        child = os.fork() if request["args"][0] == "storage" else -1  # its tasks end the process
        if child <= 0:
            stream.write(json.dumps(run(request)))
            stream.flush()
        if child == 0:
            os._exit(0)
        if child > 0:
            os.waitpid(child, 0)
