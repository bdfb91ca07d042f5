"""Runs gcloud commands for the programs that connect to a socket, in one process, since each start takes a second.

A connection sends one line: a JSON object with the arguments, the folder, and the standard input in base64. It
receives a JSON object with the exit code and both outputs in base64.
"""
import base64
import contextlib
import io
import json
import os
import socket
import sys
import tempfile

root, address = sys.argv[1:3]
sys.path[:0] = [os.path.join(root, "lib"), os.path.join(root, "lib", "third_party")]

from googlecloudsdk import gcloud_main  # noqa: E402
from googlecloudsdk.core import log  # noqa: E402


class Output(io.TextIOWrapper):
    """A text stream whose bytes are kept."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self):
        self.flush()
        return base64.b64encode(self.buffer.getvalue()).decode()


def run(request):
    os.chdir(request["folder"])
    with tempfile.TemporaryFile() as given:
        given.write(base64.b64decode(request["stdin"]))
        given.seek(0)
        os.dup2(given.fileno(), 0)
        sys.stdin = open(0, closefd=False)
    out, err = Output(), Output()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        log.Reset(out, err)
        try:
            gcloud_main.CreateCLI([]).Execute(request["args"])
        except SystemExit as end:
            code = end.code or 0
        except BaseException as error:  # a crash of gcloud's is a result, too
            err.write("crash: %r" % error)
            code = 70
    return {"code": code, "stdout": out.text(), "stderr": err.text()}


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
