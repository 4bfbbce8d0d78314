from http.server import BaseHTTPRequestHandler


class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.end_headers()
        for name in ("ada", "grace", "katherine"):
            self.wfile.write(f"{name}\n".encode())
