"""Answers status, metadata and predict; `saved_model.pb` says how: `serve`, `end` or `refuse`."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FLAGS = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
SAID = Path(FLAGS["model_base_path"], "1", "saved_model.pb").read_text()
INPUT = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}, {"size": "2"}]}}


class Handler(BaseHTTPRequestHandler):
    """One model."""

    def do_GET(self) -> None:
        if self.path.endswith("/metadata"):
            signatures = {"serving_default": {"inputs": {"x": INPUT}}}
            self._answer(200, {"metadata": {"signature_def": {"signature_def": signatures}}})
        else:
            self._answer(200, {"model_version_status": [{"state": "AVAILABLE"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if SAID.startswith("refuse"):
            self._answer(400, {"error": "these shapes do not fit"})
        else:
            self._answer(200, {"outputs": [SAID, body["inputs"]]})

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if SAID.startswith("end"):
    print("The model cannot be loaded.", file=sys.stderr)
    sys.exit(2)
PLACE = (FLAGS.get("host", "127.0.0.1"), int(FLAGS["rest_api_port"]))
ThreadingHTTPServer(PLACE, Handler).serve_forever()
