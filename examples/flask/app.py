# Flask: each request has a thread of its own, many at once in one instance. `weir dev examples/flask`
import time

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello():
    return "Hello from Flask\n"


@app.get("/users/<name>")
def user(name):
    return jsonify(name=name, secure=request.is_secure, ip=request.remote_addr)


@app.post("/sum")
def add():
    return jsonify(sum=sum(request.get_json()["numbers"]))


@app.get("/slow")
def slow():
    def lines():
        yield "first\n"
        time.sleep(0.1)
        yield "second\n"

    return Response(lines(), mimetype="text/plain")
