# A function a file, with nothing but the standard library. `weir dev examples/python-handler`, then /api/hello?name=Weir
import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit


class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        self.answer({"message": f"Hello, {query.get('name', ['Python'])[0]}!"})

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        self.answer({"received": json.loads(self.rfile.read(length))})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
